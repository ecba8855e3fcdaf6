{{- /*
Values under the names of an earlier KubeLedger chart: set under the chart's own where they mean the same. The rest is refused
in _refuse.tpl. docs/migrating-from-kubeledger.md has the table.
*/ -}}
{{- define "kubeledger.takeEarlier" -}}
{{- $values := .Values -}}
{{- $volume := default dict $values.dataVolume -}}
{{- include "kubeledger.take" (list $volume "persist" $values.persistence "enabled") -}}
{{- include "kubeledger.take" (list $volume "capacity" $values.persistence "size") -}}
{{- include "kubeledger.take" (list $volume "storageClass" $values.persistence "storageClassName") -}}
{{- include "kubeledger.take" (list $values "includedNamespaces" $values.collector "includedNamespaces") -}}
{{- include "kubeledger.take" (list $values "excludedNamespaces" $values.collector "excludedNamespaces") -}}
{{- $operator := default dict $values.prometheusOperator -}}
{{- include "kubeledger.take" (list $operator "enabled" $values.metrics.serviceMonitor "enabled") -}}
{{- include "kubeledger.take" (list $operator "labels" $values.metrics.serviceMonitor "labels") -}}
{{- include "kubeledger.take" (list (default dict $values.metadata) "labels" $values "extraLabels") -}}
{{- $service := default dict $values.mcp.service -}}
{{- include "kubeledger.take" (list $service "port" $values.service "port") -}}
{{- include "kubeledger.take" (list $service "targetPort" $values.mcp "port") -}}
{{- with $values.securityContext -}}
{{- if .openshift -}}
{{- $_ := set $values.openshift "enabled" true -}}
{{- else -}}
{{- include "kubeledger.take" (list . "uid" $values.podSecurityContext "runAsUser") -}}
{{- include "kubeledger.take" (list . "gid" $values.podSecurityContext "fsGroup") -}}
{{- end -}}
{{- end -}}
{{- with $values.dcgm -}}
{{- if and .endpoint (or .enabled .enable (not (or (hasKey . "enabled") (hasKey . "enable")))) -}}
{{- $_ := set . "endpoints" (list (include "kubeledger.dcgmUrl" .endpoint)) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := default dict $values.envs -}}
{{- include "kubeledger.takeVariable" (list $values (regexReplaceAll "^KOA_" $name "KL_") (include "kubeledger.text" $value)) -}}
{{- end -}}
{{- end -}}

{{- /* Takes (list FROM NAME TO NAME). A name that is not given, or given as nothing, is left. */ -}}
{{- define "kubeledger.take" -}}
{{- $from := index . 0 -}}
{{- $name := index . 1 -}}
{{- if hasKey $from $name -}}
{{- if not (kindIs "invalid" (index $from $name)) -}}
{{- $_ := set (index . 2) (index . 3) (index $from $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* An earlier chart documented host:port, and took URLs too. */ -}}
{{- define "kubeledger.dcgmUrl" -}}
{{- if contains "://" . }}{{ . }}{{ else }}http://{{ . }}{{ if not (contains "/" .) }}/metrics{{ end }}{{ end -}}
{{- end -}}

{{- /* One variable of `envs`, by the name it has now. Takes (list VALUES NAME TEXT). */ -}}
{{- define "kubeledger.takeVariable" -}}
{{- $values := index . 0 -}}
{{- $name := index . 1 -}}
{{- $text := index . 2 -}}
{{- if eq $name "KL_COST_MODEL" -}}
{{- $_ := set $values.collector "costModel" $text -}}
{{- else if eq $name "KL_POLLING_INTERVAL_SEC" -}}
{{- $_ := set $values.collector "pollingIntervalSeconds" $text -}}
{{- else if and (eq $name "KL_INCLUDED_NAMESPACES") $text (not $values.includedNamespaces) -}}
{{- $_ := set $values.collector "includedNamespaces" (regexSplit "[ ,]+" $text -1) -}}
{{- else if and (eq $name "KL_EXCLUDED_NAMESPACES") $text (not $values.excludedNamespaces) -}}
{{- $_ := set $values.collector "excludedNamespaces" (regexSplit "[ ,]+" $text -1) -}}
{{- else if eq $name "KL_BILLING_HOURLY_RATE" -}}
{{- $_ := set $values.billing "hourlyRate" $text -}}
{{- else if eq $name "KL_BILLING_CURRENCY_SYMBOL" -}}
{{- $_ := set $values.billing "currencySymbol" $text -}}
{{- else if eq $name "KL_NVIDIA_DCGM_ENDPOINT" -}}
{{- if $text -}}{{- $_ := set $values.dcgm "endpoints" (list (include "kubeledger.dcgmUrl" $text)) -}}{{- end -}}
{{- else if eq $name "KL_K8S_API_VERIFY_SSL" -}}
{{- $_ := set $values.kubernetesApi "verifySsl" (eq $text "true") -}}
{{- end -}}
{{- end -}}

{{- /* `envs` that are no settings of ours, such as HTTPS_PROXY, as the `env` of a container. */ -}}
{{- define "kubeledger.otherEarlierEnv" -}}
{{- range $name, $value := default dict .Values.envs }}
{{- if not (regexMatch "^(KL|KOA)_" $name) }}
- name: {{ $name }}
  value: {{ include "kubeledger.text" $value | quote }}
{{- end }}
{{- end }}
{{- end -}}
