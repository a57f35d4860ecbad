{{/* The parts every pod shares. */}}
{{- define "khallas.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "khallas.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "khallas.labels" -}}
app.kubernetes.io/name: khallas
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* of a dict: root, component */}}
{{- define "khallas.selector" -}}
app.kubernetes.io/name: khallas
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "khallas.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "khallas.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* KHALLAS_<KEY>_FILE of each key of the Secret */}}
{{- define "khallas.environment" -}}
- name: FORWARDED_ALLOW_IPS
  value: {{ .Values.proxies | quote }}
{{- range .Values.secrets.keys }}
- name: KHALLAS_{{ . | upper }}_FILE
  value: /run/secrets/khallas/{{ . }}
{{- end }}
{{- end -}}

{{- define "khallas.mounts" -}}
- {name: secrets, mountPath: /run/secrets/khallas, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- end -}}

{{- define "khallas.volumes" -}}
- name: secrets
  secret: {secretName: {{ .Values.secrets.name }}, defaultMode: 0440, items: [
    {{- range .Values.secrets.keys }}{key: {{ . }}, path: {{ . }}}, {{ end -}} ]}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- end -}}

{{/* of a dict: root, component */}}
{{- define "khallas.spread" -}}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "khallas.selector" $ | nindent 8 }}
  {{- end }}
{{- end -}}
