{{- /*
The import of an existing installation, as an init container: the kubelet starts the collector when it has succeeded, the
claim of the release is made by the StatefulSet as ever, and the scheduler sees both claims at once. A hook of Helm's would
run before there is a claim, and one that it made itself it would also delete.
*/ -}}
{{- define "kubeledger.importContainer" -}}
{{- with .Values.importFrom }}
- name: import
  image: {{ include "kubeledger.image" $ | quote }}
  imagePullPolicy: {{ $.Values.image.pullPolicy }}
  command:
    - kl-collector
    - import
    - {{ printf "/import/%s" .directory | trimSuffix "/" | quote }}
    {{- with .capacity.cpu }}
    - --capacity-cpu
    - {{ toString . | quote }}
    {{- end }}
    {{- with .capacity.memory }}
    - --capacity-memory
    - {{ . | quote }}
    {{- end }}
    {{- if .historyConfigMap.capacityKey }}
    - --capacity-history
    - /etc/kubeledger/import-history/capacity
    {{- end }}
    {{- if .historyConfigMap.gpuKey }}
    - --gpu-history
    - /etc/kubeledger/import-history/gpus
    {{- end }}
    {{- if .withOpenHour }}
    - --with-open-hour
    {{- end }}
  env:
    {{- include "kubeledger.booksEnv" $ | nindent 4 }}
    {{- include "kubeledger.extraEnv" $.Values.collector.extraEnv | nindent 4 }}
  resources:
    {{- toYaml $.Values.collector.resources | nindent 4 }}
  securityContext:
    {{- include "kubeledger.securityContext" (list $ $.Values.collector.securityContext) | nindent 4 }}
  volumeMounts:
    - name: data
      mountPath: /var/lib/kubeledger
    - name: tmp
      mountPath: /tmp
    - name: import
      mountPath: /import
      readOnly: true
    {{- if .historyConfigMap.name }}
    - name: import-history
      mountPath: /etc/kubeledger/import-history
      readOnly: true
    {{- end }}
{{- end }}
{{- end -}}

{{- define "kubeledger.importVolumes" -}}
{{- with .Values.importFrom }}
- name: import
  persistentVolumeClaim:
    claimName: {{ .existingClaim | quote }}
    readOnly: true
{{- if .historyConfigMap.name }}
- name: import-history
  configMap:
    name: {{ .historyConfigMap.name | quote }}
    items:
      {{- with .historyConfigMap.capacityKey }}
      - key: {{ . | quote }}
        path: capacity
      {{- end }}
      {{- with .historyConfigMap.gpuKey }}
      - key: {{ . | quote }}
        path: gpus
      {{- end }}
{{- end }}
{{- end }}
{{- end -}}
