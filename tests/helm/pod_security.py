"""The restricted Pod Security Standard: what of a pod's specification violates it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/, Linux pods; the baseline's demands included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Object = Mapping[str, Any]

VOLUME_KINDS = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SECCOMP_PROFILES = ("RuntimeDefault", "Localhost")
SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")


def violations(spec: Object) -> list[str]:
    """Sentences about what is not allowed; empty when the pod is admitted."""
    return [*_of_pod(spec), *(found for each in _containers(spec) for found in _of_container(spec, each))]


def _containers(spec: Object) -> Iterator[Object]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def _of_pod(spec: Object) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield f"{field} is set"
    context = spec.get("securityContext") or {}
    if context.get("sysctls"):
        yield "sysctls are set"
    yield from _of_user("the pod", context)
    for volume in spec.get("volumes") or ():
        kinds = set(volume) - {"name"}
        # A volume that names no kind is an emptyDir.
        if kinds - VOLUME_KINDS:
            yield f"volume {volume['name']} is of kind {', '.join(kinds)}"


def _of_user(whose: str, context: Object) -> Iterator[str]:
    if context.get("runAsUser") == 0:
        yield f"{whose} runs as user 0"
    if (context.get("seLinuxOptions") or {}).get("type", "") not in SELINUX_TYPES:
        yield f"{whose} sets its SELinux type"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield f"{whose} is a host process"


def _of_container(spec: Object, container: Object) -> Iterator[str]:
    name, context = container["name"], container.get("securityContext") or {}
    inherited = spec.get("securityContext") or {}
    yield from _of_user(name, context)
    if context.get("privileged"):
        yield f"{name} is privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"{name} may escalate its privileges"
    if context.get("procMount", "Default") != "Default":
        yield f"{name} has an unmasked /proc"
    if not context.get("runAsNonRoot", inherited.get("runAsNonRoot")):
        yield f"{name} may run as root"
    profile = context.get("seccompProfile") or inherited.get("seccompProfile") or {}
    if profile.get("type") not in SECCOMP_PROFILES:
        yield f"{name} has no seccomp profile"
    yield from _of_capabilities(name, context.get("capabilities") or {})
    if any(port.get("hostPort") for port in container.get("ports") or ()):
        yield f"{name} takes a port of the host"


def _of_capabilities(name: str, capabilities: Object) -> Iterator[str]:
    if "ALL" not in (capabilities.get("drop") or ()):
        yield f"{name} keeps capabilities"
    if set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}:
        yield f"{name} adds capabilities"
