{{- /* What of an earlier chart, or under a name of ours in an `extraEnv`, means something else here: refused with the name to use. */ -}}
{{- define "kubeledger.refuse" -}}
{{- $values := .Values -}}
{{- range $place := list "collector" "mcp" -}}
{{- range (get $values $place).extraEnv -}}
{{- $name := regexReplaceAll "^KOA_" .name "KL_" -}}
{{- $table := include "kubeledger.variables" $ | fromYaml -}}
{{- if and $values.mcp.jwt.existingCaConfigMap.name (eq $place "mcp") -}}
{{- $_ := set $table "SSL_CERT_FILE" "mcp.jwt.existingCaConfigMap" -}}
{{- end -}}
{{- if hasKey $table $name -}}
{{- fail (printf "%s.extraEnv sets %s, which the chart sets itself: %s." $place .name (include "kubeledger.useInstead" (get $table $name))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := default dict $values.envs -}}
{{- include "kubeledger.refuseVariable" (list $ $name (include "kubeledger.text" $value)) -}}
{{- end -}}
{{- with $values.dcgm -}}
{{- if and (or .enable .enabled) (not .endpoints) -}}
{{- fail "dcgm.enabled needs the address of an exporter: set dcgm.endpoints, such as [http://dcgm-exporter.gpu-operator:9400/metrics], and leave dcgm.enabled out." -}}
{{- end -}}
{{- end -}}
{{- if eq (toString (default dict $values.securityContext).enabled) "false" -}}
{{- fail "securityContext.enabled=false is not taken: the pod always has a security context. Change it with podSecurityContext, or leave IDs to the cluster with openshift.enabled." -}}
{{- end -}}
{{- if and $values.replicaCount (ne (int $values.replicaCount) 1) -}}
{{- fail "replicaCount is always 1: a set of books has one collector, and a second one would be refused its lock. Leave it out." -}}
{{- end -}}
{{- if $values.resources -}}
{{- fail "resources were those of the one container of an earlier chart: set collector.resources and mcp.resources." -}}
{{- end -}}
{{- if $values.service.targetPort -}}
{{- fail "service.targetPort was the port of an earlier chart's dashboard, which is not part of this one: the server's port in the pod is mcp.port." -}}
{{- end -}}
{{- if eq (toString $values.enabled) "false" -}}
{{- fail "enabled=false turns nothing off by itself. In a parent chart, give the dependency `condition: kubeledger.enabled` in Chart.yaml." -}}
{{- end -}}
{{- end -}}

{{- /* Takes (list CONTEXT NAME TEXT) of an entry of `envs`. */ -}}
{{- define "kubeledger.refuseVariable" -}}
{{- $table := include "kubeledger.variables" (index . 0) | fromYaml -}}
{{- $given := index . 1 -}}
{{- $name := regexReplaceAll "^KOA_" $given "KL_" -}}
{{- $text := index . 2 -}}
{{- $taken := include "kubeledger.takenVariables" $ | fromYaml -}}
{{- $ownCluster := "^https://kubernetes\\.default(\\.svc(\\.[-a-z0-9.]+)?)?(:443)?/?$" -}}
{{- if or (not $text) (hasKey $taken $name) (not (hasPrefix "KL_" $name)) -}}
{{- else if and (eq $name "KL_K8S_API_ENDPOINT") (regexMatch $ownCluster $text) -}}
{{- else if and (eq $name "KL_K8S_CACERT") (hasSuffix "/run/secrets/kubernetes.io/serviceaccount/ca.crt" $text) -}}
{{- else if and (eq $name "KL_DB_LOCATION") (eq $text "/data/db") -}}
{{- else if hasKey $table $name -}}
{{- fail (printf "envs.%s is not taken: %s." $given (include "kubeledger.useInstead" (get $table $name))) -}}
{{- else -}}
{{- fail (printf "envs.%s is not a setting that this chart takes from envs: take it out, or give it in collector.extraEnv or mcp.extraEnv." $given) -}}
{{- end -}}
{{- end -}}

{{- define "kubeledger.useInstead" -}}
{{- if . }}use {{ . }}{{ else }}it is fixed, leave it out{{ end -}}
{{- end -}}

{{- /* The variables that the chart sets, and the value to use for each; none for those that are fixed. */ -}}
{{- define "kubeledger.variables" -}}
KL_DB_LOCATION: ""
KL_DATA_DIR: ""
KL_MCP_DATA_DIR: ""
KL_MCP_TRANSPORT: ""
POD_IP: ""
KL_CLUSTER_NAME: collector.clusterName
KL_POLLING_INTERVAL_SEC: collector.pollingIntervalSeconds
KL_COST_MODEL: collector.costModel
KL_INCLUDED_NAMESPACES: collector.includedNamespaces
KL_EXCLUDED_NAMESPACES: collector.excludedNamespaces
KL_EXCLUDED_NODES: collector.excludedNodes
KL_PUBLISH_KUBELEDGER_LAYOUT: collector.publishKubeledgerLayout
KL_REQUEST_TIMEOUT_SEC: collector.requestTimeoutSeconds
KL_LOG_LEVEL: collector.logLevel
KL_BILLING_HOURLY_RATE: billing.hourlyRate or billing.existingSecret
KL_HOURLY_BILLING_RATE: billing.hourlyRate or billing.existingSecret
KL_BILLING_CURRENCY: billing.currency
KL_BILLING_CURRENCY_SYMBOL: billing.currency
KL_BILLING_RESOURCE_WEIGHTS: billing.resourceWeights
KL_NVIDIA_DCGM_ENDPOINT: dcgm.endpoints
KL_K8S_API_ENDPOINT: kubernetesApi.endpoint
KL_K8S_API_VERIFY_SSL: kubernetesApi.verifySsl
KL_K8S_AUTH_TOKEN: kubernetesApi.existingSecret.tokenKey
KL_K8S_AUTH_TOKEN_FILE: kubernetesApi.existingSecret.tokenKey
KL_K8S_CACERT: kubernetesApi.existingSecret.caKey
KL_K8S_AUTH_CLIENT_CERT: kubernetesApi.existingSecret.clientCertKey
KL_K8S_AUTH_CLIENT_CERT_KEY: kubernetesApi.existingSecret.clientCertKeyKey
KL_K8S_AUTH_USERNAME: kubernetesApi.existingSecret.usernameKey
KL_K8S_AUTH_PASSWORD: kubernetesApi.existingSecret.passwordKey
KL_MCP_ALLOWED_HOSTS: mcp.allowedHosts
KL_MCP_LISTEN_HOST: mcp.listenHost
KL_MCP_LISTEN_PORT: mcp.port
KL_MCP_METRICS_PORT: metrics.port
KL_METRICS_HOST: mcp.listenHost
KL_METRICS_PORT: metrics.collectorPort
KL_MCP_ALLOWED_ORIGINS: mcp.allowedOrigins
KL_MCP_SYSTEM_NAMESPACE_PREFIXES: mcp.systemNamespacePrefixes
KL_SHARE_NAMESPACES: mcp.shareNamespaces
KL_SHARE_IDLE: mcp.shareIdle
KL_COST_MULTIPLIER: mcp.costMultiplier
KL_MCP_TOKENS_FILE: mcp.tokens.existingSecret
KL_MCP_JWT_JWKS: mcp.jwt.jwksUrl, mcp.jwt.existingSecret or mcp.jwt.existingConfigMap
KL_MCP_JWT_ISSUER: mcp.jwt.issuer
KL_MCP_JWT_AUDIENCE: mcp.jwt.audience
KL_MCP_JWT_REQUIRED_SCOPES: mcp.jwt.requiredScopes
KL_MCP_JWT_NAMESPACES_CLAIM: mcp.jwt.namespacesClaim
KL_MCP_RESOURCE_URL: mcp.jwt.resourceUrl
KL_MCP_TLS_CERT_FILE: mcp.tls.existingSecret
KL_MCP_TLS_KEY_FILE: mcp.tls.existingSecret
KL_MCP_AUDIT_LOG: mcp.auditLog
KL_MCP_LOG_LEVEL: mcp.logLevel
{{- end -}}
