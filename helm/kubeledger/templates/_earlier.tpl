{{- /*
Values under the names of an earlier KubeLedger chart: set under the chart's own where they mean the same. The rest is refused
in _refuse.tpl. docs/migrating-from-kubeledger.md has the table.
*/ -}}
{{- define "kubeledger.takeEarlier" -}}
{{- $values := .Values -}}
{{- include "kubeledger.take" (list $values "dataVolume.persist" "persistence.enabled" true) -}}
{{- include "kubeledger.take" (list $values "dataVolume.capacity" "persistence.size" "5Gi") -}}
{{- include "kubeledger.take" (list $values "dataVolume.storageClass" "persistence.storageClassName" "") -}}
{{- include "kubeledger.take" (list $values "includedNamespaces" "collector.includedNamespaces" list) -}}
{{- include "kubeledger.take" (list $values "excludedNamespaces" "collector.excludedNamespaces" list) -}}
{{- include "kubeledger.take" (list $values "prometheusOperator.enabled" "metrics.serviceMonitor.enabled" false) -}}
{{- include "kubeledger.take" (list $values "prometheusOperator.labels" "metrics.serviceMonitor.labels" dict) -}}
{{- include "kubeledger.take" (list $values "billing.currencySymbol" "billing.currency" "$") -}}
{{- include "kubeledger.take" (list $values "metadata.labels" "extraLabels" dict) -}}
{{- /* service.port beside it was that of the dashboard. */ -}}
{{- with (default dict $values.mcp.service).port }}{{ $_ := set $values.service "port" . }}{{ end -}}
{{- include "kubeledger.take" (list $values "mcp.service.targetPort" "mcp.port" 5484) -}}
{{- if (default dict $values.securityContext).openshift -}}
{{- $_ := set $values.openshift "enabled" true -}}
{{- else -}}
{{- include "kubeledger.take" (list $values "securityContext.uid" "podSecurityContext.runAsUser" "") -}}
{{- include "kubeledger.take" (list $values "securityContext.gid" "podSecurityContext.fsGroup" "") -}}
{{- end -}}
{{- with $values.dcgm -}}
{{- if and .endpoint (or .enabled .enable (not (or (hasKey . "enabled") (hasKey . "enable")))) -}}
{{- include "kubeledger.put" (list $values "dcgm.endpoint" (list (include "kubeledger.dcgmUrl" .endpoint)) "dcgm.endpoints" list) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := default dict $values.envs -}}
{{- include "kubeledger.takeVariable" (list $ $name (include "kubeledger.text" $value)) -}}
{{- end -}}
{{- end -}}

{{- /* Takes (list VALUES EARLIER-NAME NAME DEFAULT). A name that is not given is left. */ -}}
{{- define "kubeledger.take" -}}
{{- $place := index . 0 -}}
{{- $earlier := index . 1 -}}
{{- range splitList "." $earlier | initial }}{{ $place = default dict (get $place .) }}{{ end -}}
{{- $key := splitList "." $earlier | last -}}
{{- if hasKey $place $key -}}
{{- include "kubeledger.put" (list (index . 0) $earlier (index $place $key) (index . 2) (index . 3)) -}}
{{- end -}}
{{- end -}}

{{- /*
Takes (list VALUES EARLIER-NAME VALUE NAME DEFAULT). What is given as nothing is not given, and what differs from the default
was given too.
*/ -}}
{{- define "kubeledger.put" -}}
{{- $earlier := index . 1 -}}
{{- $value := index . 2 -}}
{{- $name := index . 3 -}}
{{- if not (has (include "kubeledger.text" $value) (list "" "[]" "{}")) -}}
{{- $place := index . 0 -}}
{{- range splitList "." $name | initial }}{{ $place = get $place . }}{{ end -}}
{{- $key := splitList "." $name | last -}}
{{- $present := include "kubeledger.text" (get $place $key) -}}
{{- if and (ne $present (include "kubeledger.text" (index . 4))) (ne $present (include "kubeledger.text" $value)) -}}
{{- fail (printf "%s is an earlier name of %s, and both are given: leave %s out." $earlier $name $earlier) -}}
{{- end -}}
{{- $_ := set $place $key $value -}}
{{- end -}}
{{- end -}}

{{- /* An earlier chart documented host:port, and took URLs too. */ -}}
{{- define "kubeledger.dcgmUrl" -}}
{{- if contains "://" . }}{{ . }}{{ else }}http://{{ . }}{{ if not (contains "/" .) }}/metrics{{ end }}{{ end -}}
{{- end -}}

{{- /* The variables of `envs` that are taken, each with the default of its value in "kubeledger.variables". */ -}}
{{- define "kubeledger.takenVariables" -}}
KL_COST_MODEL: CUMULATIVE_RATIO
KL_POLLING_INTERVAL_SEC: 300
KL_INCLUDED_NAMESPACES: []
KL_EXCLUDED_NAMESPACES: []
KL_BILLING_HOURLY_RATE: ""
KL_BILLING_CURRENCY_SYMBOL: $
KL_NVIDIA_DCGM_ENDPOINT: []
KL_K8S_API_VERIFY_SSL: true
{{- end -}}

{{- /* One variable of `envs`, which may still begin with KOA_. Takes (list CONTEXT NAME TEXT). */ -}}
{{- define "kubeledger.takeVariable" -}}
{{- $values := (index . 0).Values -}}
{{- $name := regexReplaceAll "^KOA_" (index . 1) "KL_" -}}
{{- $value := index . 2 -}}
{{- $taken := include "kubeledger.takenVariables" $ | fromYaml -}}
{{- if and $value (hasKey $taken $name) -}}
{{- $valueName := get (include "kubeledger.variables" $ | fromYaml) $name | splitList " " | first -}}
{{- if hasSuffix "_NAMESPACES" $name -}}
{{- $value = regexSplit "[ ,]+" $value -1 -}}
{{- /* The list beside `envs` won in an earlier chart. */ -}}
{{- if get $values (splitList "." $valueName | last) }}{{ $value = list }}{{ end -}}
{{- else if eq $name "KL_NVIDIA_DCGM_ENDPOINT" -}}
{{- $value = list (include "kubeledger.dcgmUrl" $value) -}}
{{- else if eq $name "KL_K8S_API_VERIFY_SSL" -}}
{{- $value = eq $value "true" -}}
{{- end -}}
{{- include "kubeledger.put" (list $values (printf "envs.%s" (index . 1)) $value $valueName (get $taken $name)) -}}
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
