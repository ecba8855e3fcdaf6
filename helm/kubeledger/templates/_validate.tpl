{{- /* What a schema cannot say: values that need one another. */ -}}
{{- define "kubeledger.validate" -}}
{{- with .Values }}
{{- if and (eq .collector.costModel "CHARGE_BACK") (not (include "kubeledger.hourlyRate" $)) (not .billing.existingSecret.name) }}
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
{{- if and .ingress.enabled (not (or .ingress.host .ingress.hosts)) }}
{{- fail "ingress.enabled needs a host name: set ingress.host or ingress.hosts." }}
{{- end }}
{{- if and .ingress.tls .ingress.tlsSecretName }}
{{- fail "ingress.tls and ingress.tlsSecretName both name certificates: leave one." }}
{{- end }}
{{- if and .httpRoute.enabled (not .mcp.enabled) }}
{{- fail "httpRoute.enabled publishes the MCP server, which mcp.enabled turns off: turn it on, or the HTTPRoute off." }}
{{- end }}
{{- if and .httpRoute.enabled (not (and .httpRoute.parentRefs .httpRoute.hostnames)) }}
{{- fail "httpRoute.enabled needs a Gateway and a host name: set httpRoute.parentRefs and httpRoute.hostnames." }}
{{- end }}
{{- if and .image.registry (regexMatch (include "kubeledger.registryPattern" $) .image.repository) }}
{{- fail "image.registry and image.repository both name a registry: leave image.registry out, or the registry in image.repository." }}
{{- end }}
{{- if and .service.nodePort (eq .service.type "ClusterIP") }}
{{- fail "service.nodePort needs service.type NodePort or LoadBalancer." }}
{{- end }}
{{- if and .service.externalTrafficPolicy (eq .service.type "ClusterIP") }}
{{- fail "service.externalTrafficPolicy needs service.type NodePort or LoadBalancer." }}
{{- end }}
{{- if and .service.loadBalancerSourceRanges (ne .service.type "LoadBalancer") }}
{{- fail "service.loadBalancerSourceRanges needs service.type LoadBalancer." }}
{{- end }}
{{- with .podDisruptionBudget }}
{{- if and .enabled (eq (toString .minAvailable) "") (eq (toString .maxUnavailable) "") }}
{{- fail "podDisruptionBudget.enabled needs podDisruptionBudget.minAvailable or podDisruptionBudget.maxUnavailable." }}
{{- end }}
{{- if and .enabled (ne (toString .minAvailable) "") (ne (toString .maxUnavailable) "") }}
{{- fail "podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable exclude each other: leave one." }}
{{- end }}
{{- end }}
{{- include "kubeledger.validateExtras" $ }}
{{- include "kubeledger.validateImport" $ }}
{{- if and .metrics.serviceMonitor.enabled (not .mcp.enabled) (not .metrics.collectorPort) }}
{{- fail "metrics.serviceMonitor.enabled has nothing to scrape: mcp.enabled turns the server off, and metrics.collectorPort the collector's port." }}
{{- end }}
{{- if and .metrics.prometheusRule.enabled (not .metrics.collectorPort) }}
{{- fail "metrics.prometheusRule.enabled alerts about the collector's metrics, which metrics.collectorPort turns off: set that to a port." }}
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
{{- if has (int .metrics.collectorPort) (list (int .metrics.port) (int .mcp.port) (int .service.port)) }}
{{- fail "metrics.collectorPort is a port of its own: choose another than metrics.port, mcp.port and service.port." }}
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


{{- /* Names that the pod already has. */ -}}
{{- define "kubeledger.validateExtras" -}}
{{- range .Values.extraVolumes }}
{{- if has .name (list "data" "tmp" "tokens" "jwks" "issuer-ca" "tls" "service-account-token" "kubernetes-api-credentials" "import" "import-history") }}
{{- fail (printf "extraVolumes has a volume %s, which the chart makes itself: choose another name." .name) }}
{{- end }}
{{- end }}
{{- range concat .Values.extraInitContainers .Values.extraContainers }}
{{- if has .name (list "collector" "mcp" "import") }}
{{- fail (printf "extraContainers or extraInitContainers has a container %s, which the chart makes itself: choose another name." .name) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "kubeledger.validateImport" -}}
{{- with .Values.importFrom }}
{{- if .existingClaim }}
{{- if not $.Values.persistence.enabled }}
{{- fail "importFrom.existingClaim needs persistence.enabled: an import into a volume that is lost with the pod is lost too." }}
{{- end }}
{{- if eq .existingClaim $.Values.persistence.existingClaim }}
{{- fail "importFrom.existingClaim is only read, and cannot be persistence.existingClaim too: leave persistence.existingClaim out, and the release gets a claim of its own." }}
{{- end }}
{{- if ternary (or .capacity.cpu .capacity.memory) (not (and .capacity.cpu .capacity.memory)) (not (empty .historyConfigMap.capacityKey)) }}
{{- fail "importFrom needs the cluster's capacity, of which the source has per cent: set importFrom.capacity.cpu and importFrom.capacity.memory, or importFrom.historyConfigMap.capacityKey where it changed, and not both." }}
{{- end }}
{{- if ne (empty .historyConfigMap.name) (and (empty .historyConfigMap.capacityKey) (empty .historyConfigMap.gpuKey)) }}
{{- fail "importFrom.historyConfigMap needs its name and the key of a history: capacityKey, gpuKey, or both." }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
