{{- /* Host headers the server accepts besides localhost. POD_IP is what Prometheus scrapes. */ -}}
{{- define "kubeledger.allowedHosts" -}}
{{- $services := list (include "kubeledger.fullname" .) -}}
{{- if ne .Values.service.type "ClusterIP" -}}{{- $services = append $services (printf "%s-metrics" (first $services)) -}}{{- end -}}
{{- $own := list -}}
{{- $space := include "kubeledger.namespace" . -}}
{{- range $name := $services -}}
{{- $own = concat $own (list $name (printf "%s.%s" $name $space) (printf "%s.%s.svc" $name $space) (printf "%s.%s.svc.%s" $name $space $.Values.clusterDomain)) -}}
{{- end -}}
{{- $own = append $own "$(POD_IP)" -}}
{{- $published := include "kubeledger.publishedHosts" . | fromYamlArray -}}
{{- if include "kubeledger.hasJwt" . -}}{{- $published = append $published (urlParse (include "kubeledger.resourceUrl" .)).hostname -}}{{- end -}}
{{- concat $own $published .Values.mcp.allowedHosts | uniq | join "," -}}
{{- end -}}

{{- /* Entries of the Ingress's hosts: {host, paths}, that of ingress.host first. */ -}}
{{- define "kubeledger.ingressHosts" -}}
{{- $hosts := ternary (list (dict "host" .Values.ingress.host)) list (not (empty .Values.ingress.host)) -}}
{{- range .Values.ingress.hosts -}}
{{- $hosts = append $hosts (ternary (dict "host" .) . (kindIs "string" .)) -}}
{{- end -}}
{{- toYaml $hosts -}}
{{- end -}}

{{- /* Names under which an Ingress or an HTTPRoute publishes the server. */ -}}
{{- define "kubeledger.publishedHosts" -}}
{{- $hosts := list -}}
{{- if .Values.ingress.enabled -}}
{{- range include "kubeledger.ingressHosts" . | fromYamlArray }}{{ $hosts = append $hosts .host }}{{ end -}}
{{- end -}}
{{- if .Values.httpRoute.enabled }}{{ $hosts = concat $hosts .Values.httpRoute.hostnames }}{{ end -}}
{{- toYaml (uniq $hosts) -}}
{{- end -}}

{{- /* The paths to publish: not those of the probes. */ -}}
{{- define "kubeledger.publishedPaths" -}}
- /mcp
{{- if include "kubeledger.hasJwt" . }}
- {{ include "kubeledger.resourceMetadataPath" . }}
{{- end }}
{{- end -}}

{{- define "kubeledger.scheme" -}}http{{ if .Values.mcp.tls.existingSecret.name }}s{{ end }}{{- end -}}

{{- /* The name of the Service that a certificate is expected to bear. */ -}}
{{- define "kubeledger.serviceHost" -}}
{{- printf "%s.%s.svc" (include "kubeledger.fullname" .) (include "kubeledger.namespace" .) -}}
{{- end -}}

{{- /* Whether callers may present JWTs: where their issuer's keys are named. */ -}}
{{- define "kubeledger.hasJwt" -}}
{{- with .Values.mcp.jwt }}{{ if or .jwksUrl .existingSecret.name .existingConfigMap.name }}true{{ end }}{{ end -}}
{{- end -}}

{{- /* Whether callers have to say who they are. */ -}}
{{- define "kubeledger.asksCallers" -}}
{{- if or .Values.mcp.tokens.existingSecret.name (include "kubeledger.hasJwt" .) }}true{{ end -}}
{{- end -}}

{{- define "kubeledger.resourceUrl" -}}
{{- if .Values.mcp.jwt.resourceUrl -}}
{{- .Values.mcp.jwt.resourceUrl -}}
{{- else -}}
{{- with include "kubeledger.publishedHosts" . | fromYamlArray }}https://{{ first . }}/mcp{{ end -}}
{{- end -}}
{{- end -}}

{{- /* Where a client that was refused learns about the issuer (RFC 9728, section 3.1). */ -}}
{{- define "kubeledger.resourceMetadataPath" -}}
{{- $path := (urlParse (include "kubeledger.resourceUrl" .)).path -}}
/.well-known/oauth-protected-resource{{ if ne $path "/" }}{{ $path }}{{ end }}
{{- end -}}

{{- define "kubeledger.mcpEnv" -}}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: KL_MCP_DATA_DIR
  value: /var/lib/kubeledger/data
{{- include "kubeledger.variable" (list "KL_MCP_ALLOWED_HOSTS" (include "kubeledger.allowedHosts" .)) }}
{{- with .Values.mcp }}
{{- include "kubeledger.variable" (list "KL_MCP_LISTEN_HOST" .listenHost) }}
{{- include "kubeledger.variable" (list "KL_MCP_LISTEN_PORT" .port) }}
{{- include "kubeledger.variable" (list "KL_MCP_METRICS_PORT" $.Values.metrics.port) }}
{{- include "kubeledger.variable" (list "KL_MCP_ALLOWED_ORIGINS" (join "," .allowedOrigins)) }}
{{- include "kubeledger.variable" (list "KL_MCP_SYSTEM_NAMESPACE_PREFIXES" (join "," .systemNamespacePrefixes)) }}
{{- include "kubeledger.variable" (list "KL_SHARE_NAMESPACES" (join "," .shareNamespaces)) }}
{{- if .shareIdle }}
{{- include "kubeledger.variable" (list "KL_SHARE_IDLE" true) }}
{{- end }}
{{- if ne (toString .costMultiplier) "1" }}
{{- include "kubeledger.variable" (list "KL_COST_MULTIPLIER" .costMultiplier) }}
{{- end }}
{{- if .tokens.existingSecret.name }}
{{- include "kubeledger.variable" (list "KL_MCP_TOKENS_FILE" "/etc/kubeledger/tokens/tokens.json") }}
{{- end }}
{{- if include "kubeledger.hasJwt" $ }}
{{- include "kubeledger.variable" (list "KL_MCP_JWT_JWKS" (default "/etc/kubeledger/jwks/jwks.json" .jwt.jwksUrl)) }}
{{- if and .jwt.jwksUrl .jwt.existingCaConfigMap.name }}
{{- include "kubeledger.variable" (list "SSL_CERT_FILE" "/etc/kubeledger/issuer-ca/ca.crt") }}
{{- end }}
{{- include "kubeledger.variable" (list "KL_MCP_JWT_ISSUER" .jwt.issuer) }}
{{- include "kubeledger.variable" (list "KL_MCP_JWT_AUDIENCE" .jwt.audience) }}
{{- include "kubeledger.variable" (list "KL_MCP_JWT_REQUIRED_SCOPES" (join "," .jwt.requiredScopes)) }}
{{- include "kubeledger.variable" (list "KL_MCP_JWT_NAMESPACES_CLAIM" .jwt.namespacesClaim) }}
{{- include "kubeledger.variable" (list "KL_MCP_RESOURCE_URL" (include "kubeledger.resourceUrl" $)) }}
{{- end }}
{{- if .tls.existingSecret.name }}
{{- include "kubeledger.variable" (list "KL_MCP_TLS_CERT_FILE" "/etc/kubeledger/tls/tls.crt") }}
{{- include "kubeledger.variable" (list "KL_MCP_TLS_KEY_FILE" "/etc/kubeledger/tls/tls.key") }}
{{- end }}
{{- if .auditLog }}
{{- include "kubeledger.variable" (list "KL_MCP_AUDIT_LOG" "-") }}
{{- end }}
{{- include "kubeledger.variable" (list "KL_MCP_LOG_LEVEL" .logLevel) }}
{{- include "kubeledger.extraEnv" .extraEnv }}
{{- end }}
{{- end -}}

{{- /* What the server is given as files, each set a volume and a directory of its own name. */ -}}
{{- define "kubeledger.mcpFiles" -}}
{{- with .Values.mcp }}
{{- if .tokens.existingSecret.name }}
{{- include "kubeledger.secretFiles" (list "tokens" .tokens.existingSecret.name (dict "tokens.json" .tokens.existingSecret.key)) }}
{{- end }}
{{- if .jwt.existingSecret.name }}
{{- include "kubeledger.secretFiles" (list "jwks" .jwt.existingSecret.name (dict "jwks.json" .jwt.existingSecret.key)) }}
{{- end }}
{{- if .jwt.existingConfigMap.name }}
{{- include "kubeledger.configFile" (list "jwks" .jwt.existingConfigMap "jwks.json") }}
{{- end }}
{{- if and .jwt.jwksUrl .jwt.existingCaConfigMap.name }}
{{- include "kubeledger.configFile" (list "issuer-ca" .jwt.existingCaConfigMap "ca.crt") }}
{{- end }}
{{- with .tls.existingSecret }}
{{- if .name }}
{{- include "kubeledger.secretFiles" (list "tls" .name (dict "tls.crt" .certKey "tls.key" .keyKey)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* A volume of keys of a Secret. Takes (list VOLUME SECRET FILES), FILES a dict of keys by file name. */ -}}
{{- define "kubeledger.secretFiles" }}
- name: {{ index . 0 }}
  secret:
    secretName: {{ index . 1 | quote }}
    # For the pod's group, which the containers run in.
    defaultMode: 0440
    items:
      {{- range $path, $key := index . 2 }}
      - key: {{ $key | quote }}
        path: {{ $path }}
      {{- end }}
{{- end -}}

{{- /* A volume of one key of a ConfigMap. Takes (list VOLUME CONFIGMAP FILE), CONFIGMAP with name and key. */ -}}
{{- define "kubeledger.configFile" }}
- name: {{ index . 0 }}
  configMap:
    name: {{ (index . 1).name | quote }}
    items:
      - key: {{ (index . 1).key | quote }}
        path: {{ index . 2 }}
{{- end -}}
