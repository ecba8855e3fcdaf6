{{- define "kubeledger.name" -}}
{{- default .Chart.Name .Values.nameOverride -}}
{{- end -}}

{{- /*
First in every template, done once: what was given under other names is put in its place, and what cannot be meant is refused.
In a copy: charts under two aliases share the maps of their defaults.
*/ -}}
{{- define "kubeledger.prepare" -}}
{{- if not (hasKey . "kubeledgerPrepared") -}}
{{- $_ := set . "Values" (deepCopy .Values) -}}
{{- include "kubeledger.takeEarlier" . -}}
{{- include "kubeledger.refuse" . -}}
{{- include "kubeledger.validate" . -}}
{{- $_ := set . "kubeledgerPrepared" true -}}
{{- end -}}
{{- end -}}

{{- define "kubeledger.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- /* 52 characters leave room for what the StatefulSet controller appends to names and labels of its pods. */ -}}
{{- define "kubeledger.fullname" -}}
{{- $name := include "kubeledger.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Cluster-scoped names carry the namespace: two releases of one name may live in two namespaces. */ -}}
{{- define "kubeledger.clusterName" -}}
{{- printf "%s-%s" (include "kubeledger.fullname" .) (include "kubeledger.namespace" .) -}}
{{- end -}}

{{- define "kubeledger.selectorLabels" -}}
app.kubernetes.io/name: {{ include "kubeledger.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "kubeledger.labels" -}}
{{ include "kubeledger.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* With those of one object, which win: a key that is written twice is refused by some readers. Takes (list CONTEXT OWN). */ -}}
{{- define "kubeledger.labelsWith" -}}
{{- include "kubeledger.replaced" (list (include "kubeledger.labels" (index . 0) | fromYaml) (index . 1)) -}}
{{- end -}}

{{- /* Not those of the server's pod: neither its Service nor its policies may select the test. */ -}}
{{- define "kubeledger.testSelectorLabels" -}}
app.kubernetes.io/name: {{ include "kubeledger.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "kubeledger.testLabels" -}}
{{ include "kubeledger.testSelectorLabels" . }}
{{- with .Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* A parent chart's registry wins, and a registry takes the place of one that the repository names. */ -}}
{{- define "kubeledger.image" -}}
{{- $global := default dict .Values.global -}}
{{- $image := ternary $global.image dict (kindIs "map" $global.image) -}}
{{- $registry := coalesce $global.imageRegistry (get $image "registry") .Values.image.registry -}}
{{- $repository := .Values.image.repository -}}
{{- if $registry -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" $registry) (regexReplaceAll (include "kubeledger.registryPattern" .) $repository "") -}}
{{- end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- /* The registry before a repository: it has a dot or a port, or is localhost. */ -}}
{{- define "kubeledger.registryPattern" -}}^([^/]*[.:][^/]*|localhost)/{{- end -}}

{{- /* Those of a parent chart too, which may be mere names. */ -}}
{{- define "kubeledger.imagePullSecrets" -}}
{{- $names := list -}}
{{- range concat (default list (default dict .Values.global).imagePullSecrets) .Values.imagePullSecrets -}}
{{- $names = append $names (ternary . (get (ternary dict . (kindIs "string" .)) "name") (kindIs "string" .)) -}}
{{- end -}}
{{- with $names }}
imagePullSecrets:
  {{- range uniq . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "kubeledger.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "kubeledger.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- /* Each key that is given in podSecurityContext takes the place of the chart's. */ -}}
{{- define "kubeledger.podSecurityContext" -}}
{{- include "kubeledger.replaced" (list (include "kubeledger.restrictedPod" . | fromYaml) .Values.podSecurityContext) -}}
{{- end -}}

{{- define "kubeledger.restrictedPod" -}}
runAsNonRoot: true
{{- if not .Values.openshift.enabled }}
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
{{- end }}
{{- with .Values.importFrom }}
{{- if and .existingClaim (ge (int .group) 0) }}
supplementalGroups:
  - {{ int .group }}
{{- end }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- /* A container's, in the same way: of every container in securityContext, then its own. Takes (list CONTEXT OWN). */ -}}
{{- define "kubeledger.securityContext" -}}
{{- $restricted := include "kubeledger.restrictedContainer" . | fromYaml -}}
{{- include "kubeledger.replaced" (list $restricted (omit (index . 0).Values.securityContext "enabled" "openshift" "uid" "gid") (index . 1)) -}}
{{- end -}}

{{- define "kubeledger.restrictedContainer" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end -}}

{{- /* Takes (list DICT DICT...): each key as the last has it. `merge` would take false for nothing. */ -}}
{{- define "kubeledger.replaced" -}}
{{- $all := dict -}}
{{- range . }}{{ range $key, $value := . }}{{ $_ := set $all $key $value }}{{ end }}{{ end -}}
{{- toYaml $all -}}
{{- end -}}

{{- /* The text of a variable's value: a number as it was written, not as 1e+06. */ -}}
{{- define "kubeledger.text" -}}
{{- if kindIs "string" . }}{{ . }}{{ else if not (kindIs "invalid" .) }}{{ toJson . }}{{ end -}}
{{- end -}}

{{- /* Entries of a container's `env`, whose values Kubernetes wants as text. */ -}}
{{- define "kubeledger.extraEnv" -}}
{{- range . }}
{{- if hasKey . "value" }}
- {{ toYaml (omit . "value") | nindent 2 | trim }}
  value: {{ include "kubeledger.text" .value | quote }}
{{- else }}
- {{ toYaml . | nindent 2 | trim }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* A rate above zero; an earlier chart had 0 or -1.0 for none. */ -}}
{{- define "kubeledger.hourlyRate" -}}
{{- $rate := toString .Values.billing.hourlyRate -}}
{{- if gt (float64 (default "0" $rate)) 0.0 }}{{ $rate }}{{ end -}}
{{- end -}}

{{- /* One variable, left out where it has no value. Takes (list NAME VALUE). */ -}}
{{- define "kubeledger.variable" -}}
{{- $value := toString (index . 1) -}}
{{- if $value }}
- name: {{ index . 0 }}
  value: {{ $value | quote }}
{{- end -}}
{{- end -}}

{{- /* One variable from a key of a Secret, left out where no key is named. Takes (list NAME SECRET KEY). */ -}}
{{- define "kubeledger.secretVariable" -}}
{{- if index . 2 }}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 | quote }}
      key: {{ index . 2 | quote }}
{{- end -}}
{{- end -}}

{{- define "kubeledger.serviceAccountPath" -}}/var/run/secrets/kubernetes.io/serviceaccount{{- end -}}

{{- /* Not to another cluster's address, unless told so: the token would be sent there. */ -}}
{{- define "kubeledger.mountsToken" -}}
{{- with .Values.kubernetesApi }}{{ if or (not .endpoint) .useServiceAccount }}true{{ end }}{{ end -}}
{{- end -}}

{{- define "kubeledger.credentialsPath" -}}/etc/kubeledger/kubernetes-api{{- end -}}

{{- define "kubeledger.credentialFile" -}}
{{- if index . 1 -}}
{{- include "kubeledger.variable" (list (index . 0) (printf "%s/%s" (include "kubeledger.credentialsPath" .) (index . 1))) -}}
{{- end -}}
{{- end -}}

{{- define "kubeledger.collectorEnv" -}}
{{- include "kubeledger.booksEnv" . -}}
{{- include "kubeledger.apiEnv" . -}}
{{- if .Values.metrics.collectorPort }}
{{- include "kubeledger.variable" (list "KL_METRICS_HOST" .Values.mcp.listenHost) }}
{{- end }}
{{- include "kubeledger.variable" (list "KL_METRICS_PORT" .Values.metrics.collectorPort) }}
{{- include "kubeledger.otherEarlierEnv" . -}}
{{- include "kubeledger.extraEnv" .Values.collector.extraEnv -}}
{{- end -}}

{{- /* What an import needs too. */ -}}
{{- define "kubeledger.booksEnv" -}}
- name: KL_DB_LOCATION
  value: /var/lib/kubeledger/db
- name: KL_DATA_DIR
  value: /var/lib/kubeledger/data
{{- with .Values.collector }}
{{- include "kubeledger.variable" (list "KL_CLUSTER_NAME" .clusterName) }}
{{- include "kubeledger.variable" (list "KL_POLLING_INTERVAL_SEC" .pollingIntervalSeconds) }}
{{- include "kubeledger.variable" (list "KL_COST_MODEL" .costModel) }}
{{- include "kubeledger.variable" (list "KL_INCLUDED_NAMESPACES" (join "," .includedNamespaces)) }}
{{- include "kubeledger.variable" (list "KL_EXCLUDED_NAMESPACES" (join "," .excludedNamespaces)) }}
- name: KL_EXCLUDED_NODES
  value: {{ .excludedNodes | quote }}
{{- if .publishKubeledgerLayout }}
{{- include "kubeledger.variable" (list "KL_PUBLISH_KUBELEDGER_LAYOUT" true) }}
{{- end }}
{{- include "kubeledger.variable" (list "KL_REQUEST_TIMEOUT_SEC" .requestTimeoutSeconds) }}
{{- include "kubeledger.variable" (list "KL_LOG_LEVEL" .logLevel) }}
{{- end }}
{{- with .Values.billing }}
{{- if .existingSecret.name }}
{{- include "kubeledger.secretVariable" (list "KL_BILLING_HOURLY_RATE" .existingSecret.name .existingSecret.rateKey) }}
{{- else }}
{{- include "kubeledger.variable" (list "KL_BILLING_HOURLY_RATE" (include "kubeledger.hourlyRate" $)) }}
{{- end }}
{{- include "kubeledger.variable" (list "KL_BILLING_CURRENCY" .currency) }}
{{- $weights := list }}
{{- range $metric, $weight := .resourceWeights }}
{{- $weights = append $weights (printf "%s=%v" $metric $weight) }}
{{- end }}
{{- include "kubeledger.variable" (list "KL_BILLING_RESOURCE_WEIGHTS" (join "," $weights)) }}
{{- end }}
{{- end -}}

{{- /* Where the sources are, and the credentials for them. */ -}}
{{- define "kubeledger.apiEnv" -}}
{{- include "kubeledger.variable" (list "KL_NVIDIA_DCGM_ENDPOINT" (join "," .Values.dcgm.endpoints)) }}
{{- with .Values.kubernetesApi }}
{{- include "kubeledger.variable" (list "KL_K8S_API_ENDPOINT" .endpoint) }}
{{- if not .verifySsl }}
{{- include "kubeledger.variable" (list "KL_K8S_API_VERIFY_SSL" false) }}
{{- end }}
{{- if and .endpoint .useServiceAccount }}
{{- $account := include "kubeledger.serviceAccountPath" $ }}
{{- include "kubeledger.variable" (list "KL_K8S_AUTH_TOKEN_FILE" (printf "%s/token" $account)) }}
{{- include "kubeledger.variable" (list "KL_K8S_CACERT" (printf "%s/ca.crt" $account)) }}
{{- end }}
{{- with .existingSecret }}
{{- if .name }}
{{- include "kubeledger.credentialFile" (list "KL_K8S_AUTH_TOKEN_FILE" .tokenKey) }}
{{- include "kubeledger.credentialFile" (list "KL_K8S_CACERT" .caKey) }}
{{- include "kubeledger.credentialFile" (list "KL_K8S_AUTH_CLIENT_CERT" .clientCertKey) }}
{{- include "kubeledger.credentialFile" (list "KL_K8S_AUTH_CLIENT_CERT_KEY" .clientCertKeyKey) }}
{{- include "kubeledger.secretVariable" (list "KL_K8S_AUTH_USERNAME" .name .usernameKey) }}
{{- include "kubeledger.secretVariable" (list "KL_K8S_AUTH_PASSWORD" .name .passwordKey) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* The kubelet's own volume at the usual path, for a container of choice rather than for all. */ -}}
{{- define "kubeledger.tokenVolume" -}}
- name: service-account-token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end -}}

{{- define "kubeledger.credentialsVolume" -}}
- name: kubernetes-api-credentials
  secret:
    secretName: {{ .name | quote }}
    items:
      {{- range compact (list .tokenKey .caKey .clientCertKey .clientCertKeyKey) }}
      - key: {{ . | quote }}
        path: {{ . | quote }}
      {{- end }}
{{- end -}}

{{- define "kubeledger.hasCredentialFiles" -}}
{{- with .Values.kubernetesApi.existingSecret }}
{{- if and .name (or .tokenKey .caKey .clientCertKey .clientCertKeyKey) }}true{{ end }}
{{- end }}
{{- end -}}
