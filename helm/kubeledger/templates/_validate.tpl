{{- /* What a schema cannot say: values that need one another. */ -}}
{{- define "kubeledger.validate" -}}
{{- with .Values }}
{{- if and (eq .collector.costModel "CHARGE_BACK") (not (toString .billing.hourlyRate)) (not .billing.existingSecret.name) }}
{{- fail "collector.costModel is CHARGE_BACK, which needs a rate: set billing.hourlyRate or billing.existingSecret.name." }}
{{- end }}
{{- if and .kubernetesApi.existingSecret.name (not .kubernetesApi.endpoint) }}
{{- fail "kubernetesApi.existingSecret holds credentials for kubernetesApi.endpoint: set that too." }}
{{- end }}
{{- with .kubernetesApi }}
{{- if and .endpoint (not .existingSecret.name) (not .useServiceAccount) }}
{{- fail "kubernetesApi.endpoint needs credentials of its own: set kubernetesApi.existingSecret.name. If it is an address of the cluster that the pod runs in, kubernetesApi.useServiceAccount=true sends it the pod's service-account token." }}
{{- end }}
{{- if and .useServiceAccount .existingSecret.name }}
{{- fail "kubernetesApi.useServiceAccount and kubernetesApi.existingSecret are two identities: leave one." }}
{{- end }}
{{- if and .useServiceAccount .endpoint (not (hasPrefix "https://" .endpoint)) }}
{{- fail "kubernetesApi.useServiceAccount would send the pod's token as text: kubernetesApi.endpoint has to be https." }}
{{- end }}
{{- if and .existingSecret.name (not (or .existingSecret.tokenKey .existingSecret.clientCertKey .existingSecret.usernameKey)) }}
{{- fail "kubernetesApi.existingSecret holds credentials: name the keys to use, as kubernetesApi.existingSecret.tokenKey, clientCertKey and clientCertKeyKey, or usernameKey and passwordKey." }}
{{- end }}
{{- if ne (empty .existingSecret.usernameKey) (empty .existingSecret.passwordKey) }}
{{- fail "kubernetesApi.existingSecret.usernameKey and passwordKey belong together: set both or neither." }}
{{- end }}
{{- if ne (empty .existingSecret.clientCertKey) (empty .existingSecret.clientCertKeyKey) }}
{{- fail "kubernetesApi.existingSecret.clientCertKey and clientCertKeyKey belong together: set both or neither." }}
{{- end }}
{{- end }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" (include "kubeledger.fullname" $)) }}
{{- fail (printf "%s cannot be the name of a Service, which takes lower-case letters, digits and dashes, a letter first: set fullnameOverride." (include "kubeledger.fullname" $)) }}
{{- end }}
{{- if and .ingress.enabled (not .mcp.enabled) }}
{{- fail "ingress.enabled publishes the MCP server, which mcp.enabled turns off: turn it on, or the Ingress off." }}
{{- end }}
{{- if and .ingress.enabled (not .ingress.host) }}
{{- fail "ingress.enabled needs a host name: set ingress.host." }}
{{- end }}
{{- if and .metrics.serviceMonitor.enabled (not .mcp.enabled) }}
{{- fail "metrics.serviceMonitor.enabled scrapes the MCP server, which mcp.enabled turns off." }}
{{- end }}
{{- with .mcp.jwt }}
{{- if gt (len (compact (list .jwksUrl .existingSecret.name .existingConfigMap.name))) 1 }}
{{- fail "mcp.jwt takes the issuer's keys from one place: leave one of mcp.jwt.jwksUrl, mcp.jwt.existingSecret.name and mcp.jwt.existingConfigMap.name." }}
{{- end }}
{{- if and .issuer (not (include "kubeledger.hasJwt" $)) }}
{{- fail "mcp.jwt.issuer needs the issuer's keys: set mcp.jwt.jwksUrl, mcp.jwt.existingSecret.name or mcp.jwt.existingConfigMap.name." }}
{{- end }}
{{- if and (include "kubeledger.hasJwt" $) (not .issuer) }}
{{- fail "mcp.jwt needs to know whose JWTs to accept: set mcp.jwt.issuer." }}
{{- end }}
{{- if and (include "kubeledger.hasJwt" $) (not (include "kubeledger.resourceUrl" $)) }}
{{- fail "mcp.jwt needs the URL under which clients reach /mcp: set mcp.jwt.resourceUrl, or publish the server with ingress.enabled and ingress.host." }}
{{- end }}
{{- end }}
{{- if or (eq (int .metrics.port) (int .mcp.port)) (eq (int .metrics.port) (int .service.port)) }}
{{- fail "metrics.port is a port of its own: choose another than mcp.port and service.port." }}
{{- end }}
{{- if and .networkPolicy.egress.enabled .mcp.enabled .mcp.jwt.jwksUrl (not .networkPolicy.egress.jwks.to) }}
{{- fail "networkPolicy.egress.enabled would cut the server off from mcp.jwt.jwksUrl: name where that is in networkPolicy.egress.jwks.to, or give the keys as a Secret or ConfigMap." }}
{{- end }}
{{- if and .networkPolicy.egress.enabled (not .networkPolicy.egress.apiServer.cidrs) }}
{{- fail "networkPolicy.egress.enabled would cut the collector off from the API server: name its addresses in networkPolicy.egress.apiServer.cidrs (kubectl get endpointslices -l kubernetes.io/service-name=kubernetes)." }}
{{- end }}
{{- end }}
{{- end -}}
