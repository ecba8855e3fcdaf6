"""What shows that each sentence of SECURITY.md is true: tests, or the reason why none can.

In the order of the page. A sentence is named by its beginning.
"""

from __future__ import annotations

ADVICE = "advice, or what others do"
MEANING = "what follows from the others, or from how Kubernetes and networks work"

ACCESS = "tests/kl_mcp/access/"
TRANSPORT = "tests/kl_mcp/transport/"
HELM = "tests/helm/"
GATE = f"{ACCESS}test_gate.py::test_"
TOKENS = f"{ACCESS}test_tokens_file.py::test_"
CALLERS = f"{ACCESS}test_callers.py::test_"
JWT = f"{ACCESS}test_bearer_jwt.py::test_"
WITHDRAWAL = f"{ACCESS}test_withdrawal.py::test_"
KEYS = f"{ACCESS}test_key_sources.py::test_"
KEYS_AT_URL = f"{ACCESS}test_keys_at_url.py::test_"
METADATA = f"{ACCESS}test_resource_metadata.py::test_"
IDENTIFY = f"{ACCESS}test_identify.py::test_"
STREAMS = f"{ACCESS}test_revocation.py::test_"
AUDIT = f"{ACCESS}test_audit_log.py::test_"
APP = f"{TRANSPORT}test_app.py::test_"
PROBES = f"{TRANSPORT}test_probes.py::test_"
METRICS = f"{TRANSPORT}test_metrics.py::test_"
LIMITS = f"{TRANSPORT}test_request_limits.py::test_"
TLS = f"{TRANSPORT}test_tls.py::test_"
RUNNER = f"{TRANSPORT}test_runner.py::test_"
SUBSCRIPTIONS = "tests/kl_mcp/protocol/test_subscriptions.py::test_"
SECURITY = "tests/spec/test_security.py::test_"
TOOLS = "tests/spec/test_tools.py::test_"
POLICIES = f"{HELM}test_policies_of_the_chart.py::test_"
PODS = f"{HELM}test_pods.py::test_"
RUNNING = f"{HELM}test_running_pod.py::test_"
CHART = f"{HELM}test_chart.py::test_"
RIGHTS = f"{HELM}test_rights.py::test_"
SETTINGS = f"{HELM}test_settings.py::test_"
IMAGE = f"{HELM}test_image.py::test_"
CREDENTIALS = "tests/collector/kubernetes/test_credentials.py::test_"
SESSION = "tests/collector/kubernetes/test_session.py::test_"

SERVER_TOUCHES = f"{SECURITY}the_server_opens_the_files_of_the_dataset_and_nothing_else_writes_nothing_and_calls_nobody"
SERVER_HAS_NO_CLUSTER = f"{SECURITY}the_server_has_neither_the_collector_nor_a_way_to_a_cluster_in_it"
COLLECTOR_TOUCHES = f"{SECURITY}the_collector_lists_five_things_and_writes_below_its_two_directories"
COLLECTOR_ACCEPTS_NONE = f"{SECURITY}the_collector_accepts_no_connection_and_publishes_no_name_of_a_pod"
NO_PORT_OVER_STDIO = f"{SECURITY}over_stdio_no_port_is_opened"
NOT_THERE = f"{SECURITY}what_is_said_not_to_be_there_is_not"
RIGHTS_ARE_CALLS = f"{RIGHTS}the_rights_are_the_calls_that_are_made"
READ_ONLY = f"{TOOLS}all_ten_are_listed_with_schemas_and_the_four_annotations"
SERVER_MOUNTS = f"{PODS}the_server_sees_the_data_and_its_own_files_read_only_and_nothing_else"
TOKEN_IN_COLLECTOR = f"{PODS}the_service_account_token_is_in_the_collector_only"
RESTRICTED = f"{PODS}every_pod_is_restricted_and_writes_to_named_volumes_only"
WHO_COMES_IN = f"{POLICIES}who_comes_in_is_who_is_listed"
EACH_PORT = f"{RUNNING}each_port_has_its_own_and_nothing_of_the_other"
OPEN_PROBES = f"{GATE}only_the_probes_are_open"
KNOWN_TOKEN = f"{GATE}a_known_token_is_let_in"
ELSE_401 = f"{GATE}anything_else_is_answered_401_saying_what_to_do"
NO_TOKEN_LOGGED = f"{GATE}no_token_is_ever_logged"
FLOOD = f"{GATE}refused_tokens_are_logged_with_the_callers_address_and_a_flood_of_them_is_counted"
IN_FORCE_SOON = f"{GATE}a_changed_file_is_in_force_within_two_seconds"
NOTHING_NAMED = f"{CALLERS}another_tenants_namespace_is_in_no_byte_of_any_answer"
FIVE_MINUTES_FILE = f"{WITHDRAWAL}keys_of_a_file_that_is_gone_or_broken_stay_five_minutes_and_no_longer"
FIVE_MINUTES_ADDRESS = f"{WITHDRAWAL}keys_of_an_address_that_fails_stay_five_minutes_and_no_longer"
AUDITED = f"{AUDIT}each_call_and_each_resource_is_one_line_without_tokens"
STREAM_ENDS = f"{STREAMS}a_stream_ends_within_seconds_of_its_tokens_end_and_the_others_stay"
FORWARD_SECRECY = f"{RUNNER}tls_1_2_and_1_3_are_spoken_with_forward_secrecy"
NOBODY_IS_ASKED = f"{APP}an_open_address_names_the_real_ones_and_says_who_may_call"

ODD_FILES = "tests/kl_query/dataset/test_odd_files.py::test_"
ODD_SECRETS = "tests/kl_mcp/test_odd_files.py::test_"
LOGS = "tests/kl_core/test_logs.py::test_"
CAPACITY = f"{TRANSPORT}test_capacity.py::test_"
CORS = f"{ACCESS}test_cors.py::test_"
JWT_ATTACKS = f"{ACCESS}test_jwt_attacks.py::test_"
ATTACKS = f"{ACCESS}test_attacks.py::test_"
KUSTOMIZE = f"{HELM}test_kustomize.py::test_it_is_the_chart_s_default_and_the_namespace"
KEEPS_NEW_KEY = f"{KEYS}a_changed_file_is_read_again_after_a_second"
WITHDRAWN_FILE = f"{WITHDRAWAL}a_file_without_a_usable_key_withdraws_them_all_and_ends_their_streams"
WITHDRAWN_ADDRESS = f"{WITHDRAWAL}an_address_that_answers_without_a_usable_key_withdraws_them_all"
SEVENTY_SECONDS = f"{KEYS_AT_URL}the_keys_stay_for_five_minutes_after_the_last_fetch_that_did_not_fail"
START_WITHOUT_KEYS = f"{WITHDRAWAL}a_start_without_a_usable_key_lets_nobody_in_with_a_jwt_until_there_is_one"
EMPTY_FILE = f"{WITHDRAWAL}an_empty_tokens_file_alone_closes_the_server_until_there_is_a_token"
BROKEN_FILE = f"{WITHDRAWAL}a_broken_tokens_file_leaves_its_tokens_in_force_for_as_long_as_it_is_broken"
BROKEN_AT_START = f"{WITHDRAWAL}a_tokens_file_that_is_zero_bytes_or_repeats_itself_is_exit_code_2"
CLOCK_JUMPS = "tests/rules/test_clock_jumps.py::test_a_jump_changes_nothing_that_is_stored_is_told_everywhere_and_ends"

SHOWN_BY: list[tuple[str, tuple[str, ...] | str]] = [
    ("Please report it privately", ADVICE),
    ("Say which version", ADVICE),
    ("Fixes are made", ADVICE),
    ("The books: who uses", MEANING),
    ("Labels of namespaces and the list of nodes", MEANING),
    ("The collector's right to list and watch", (RIGHTS_ARE_CALLS,)),
    ("The history", MEANING),
    ("Neither part writes to the cluster.", (RIGHTS_ARE_CALLS, SERVER_HAS_NO_CLUSTER)),
    ("The books hold no specification of any pod", (COLLECTOR_ACCEPTS_NONE,)),
    ("**The collector** opens connections and accepts none.", (COLLECTOR_ACCEPTS_NONE,)),
    (
        "It alone holds a token, and sends it",
        (
            TOKEN_IN_COLLECTOR,
            f"{CREDENTIALS}another_address_never_gets_the_pod_s_service_account",
            f"{PODS}with_credentials_of_its_own_the_collector_gets_no_token",
        ),
    ),
    (
        "`kubernetesApi.useServiceAccount` is the exception",
        (
            f"{PODS}the_token_is_mounted_for_another_address_only_where_that_is_said",
            f"{CREDENTIALS}the_service_account_s_token_goes_elsewhere_where_it_is_named_for_that",
        ),
    ),
    ("**The server** reads published JSON", (SERVER_TOUCHES, SERVER_MOUNTS)),
    ("It writes nothing but the audit log", (SERVER_TOUCHES, f"{AUDIT}without_the_setting_nothing_is_written")),
    ("It has no credentials for anything else", (SERVER_MOUNTS, SERVER_HAS_NO_CLUSTER, READ_ONLY)),
    ("It opens one kind of connection itself", (SERVER_TOUCHES,)),
    ("**The volume** is the one thing they share", (SERVER_MOUNTS,)),
    (
        "Of the data directory it reads regular files",
        (
            f"{ODD_FILES}a_link_out_is_refused_although_its_content_is_what_the_manifest_says",
            f"{ODD_SECRETS}over_http_odd_data_files_cost_what_is_in_them_and_the_process_ends",
        ),
    ),
    (
        "The tokens file, the key set and the certificate",
        (
            f"{TOKENS}a_file_that_is_missing_huge_or_no_regular_one_is_refused_by_name",
            f"{KEYS}a_set_that_cannot_be_read_at_the_start_is_refused_by_name",
            f"{TLS}files_that_cannot_be_served_are_refused_in_one_line_naming_setting_and_file",
        ),
    ),
    ("As the chart and `deploy/kustomize` install it", (KUSTOMIZE,)),
    ("A pod of any namespace, a host outside", (WHO_COMES_IN, f"{POLICIES}no_rule_has_an_empty_list")),
    ("A source in `networkPolicy.mcpAllowedSources`", (WHO_COMES_IN, EACH_PORT)),
    (
        "A source in `networkPolicy.metricsAllowedSources`",
        (
            WHO_COMES_IN,
            EACH_PORT,
            f"{METRICS}metrics_on_a_port_of_their_own_are_there_and_nowhere_else_and_nothing_else_is",
            f"{METRICS}what_the_newest_sample_lacks_is_counted_over_all_namespaces_and_unknown_where_nobody_told",
        ),
    ),
    ("A source in `networkPolicy.allowedSources`", (WHO_COMES_IN,)),
    (
        "With `service.type` NodePort or LoadBalancer",
        (f"{PODS}metrics_are_at_no_service_that_is_published_outside_the_cluster",),
    ),
    (
        "Whoever may `port-forward` to the pod",
        (f"{POLICIES}the_node_of_the_pod_is_let_through_for_its_probes",),
    ),
    ("Whoever may create pods", MEANING),
    ("Whoever may `exec`", MEANING),
    (
        "The pod of `helm test`",
        (
            f"{POLICIES}the_pod_of_helm_test_is_let_in_while_it_runs_and_nobody_else_is",
            f"{CHART}what_is_there_for_the_test_is_a_hook_and_only_that",
        ),
    ),
    (
        "A page in a browser",
        (
            f"{APP}foreign_hosts_and_origins_are_refused_in_both_eras",
            f"{CORS}a_foreign_page_is_told_no",
            f"{CORS}a_browser_that_asks_is_told_that_a_page_may_call_and_is_asked_for_no_token",
            f"{ATTACKS}a_rebound_name_and_a_foreign_page_are_refused_whatever_token_they_bring",
        ),
    ),
    (
        "With `mcp.tokens` or `mcp.jwt` (below)",
        (OPEN_PROBES, f"{METADATA}nothing_beside_it_is_open", NOTHING_NAMED),
    ),
    ("The kubelet reaches", (OPEN_PROBES, f"{APP}the_probes_answer_under_any_host_name")),
    ("They tell the age and the size", (f"{PROBES}it_is_ready_with_a_dataset_and_says_which_one_and_how_old",)),
    (
        "With tokens, they tell what went wrong",
        (f"{CALLERS}the_open_probe_names_no_namespace_when_a_load_failed_on_one",),
    ),
    ("NetworkPolicies are enforced", MEANING),
    ("**Where the plugin does not enforce them", (f"{POLICIES}without_policies_everyone_comes_in",)),
    ("An Ingress (off by default)", (f"{CHART}the_ingress_is_off_and_publishes_the_endpoint_alone",)),
    (
        "It passes `/mcp` on",
        (
            f"{CHART}the_ingress_is_off_and_publishes_the_endpoint_alone",
            f"{CHART}the_path_to_the_issuer_is_the_one_the_server_answers_at",
            f"{CHART}without_jwts_there_is_no_path_to_an_issuer",
        ),
    ),
    ("Outside a cluster, `kl-mcp` listens on the loopback", (SERVER_TOUCHES, NO_PORT_OVER_STDIO)),
    ("Other users of the same machine", MEANING),
    ("A server that other machines can reach", (NOBODY_IS_ASKED,)),
    ("`KL_MCP_TOKENS_FILE` (chart:", (KNOWN_TOKEN, f"{TOKENS}a_token_is_found_by_its_text_and_by_its_digest")),
    (
        "**A token is needed**",
        (OPEN_PROBES, ELSE_401, f"{GATE}a_subscription_needs_a_token_too_and_works_with_one"),
    ),
    (
        "Nobody is asked for one below",
        (
            f"{GATE}without_jwts_there_is_nothing_where_clients_look_for_a_way_to_get_a_token",
            f"{METADATA}nothing_beside_it_is_open",
        ),
    ),
    ("Prometheus gets a token of its own", (f"{SETTINGS}prometheus_presents_a_token_where_one_is_needed",)),
    (
        "Presented tokens are hashed",
        (
            f"{TOKENS}every_entry_is_compared_in_constant_time_whichever_matches",
            f"{TOKENS}the_digest_in_the_file_is_not_a_token",
        ),
    ),
    ("A change is in force within two seconds", (IN_FORCE_SOON,)),
    (
        'An empty list (`{"tokens": []}`)',
        (
            EMPTY_FILE,
            f"{TOKENS}a_file_that_was_taken_away_withdraws_its_tokens_after_five_seconds",
            f"{TOKENS}a_file_without_tokens_at_the_start_means_nobody",
        ),
    ),
    ("Then nobody may call with a token", (EMPTY_FILE,)),
    ("**A change that cannot be read or used", (BROKEN_FILE,)),
    ("It is logged and leaves the earlier tokens", (BROKEN_FILE,)),
    (
        "It is tried again every five seconds",
        (f"{TOKENS}a_withdrawal_is_in_force_though_the_file_could_not_be_read_when_it_changed",),
    ),
    ("At the start such a file is refused", (BROKEN_AT_START,)),
    (
        "**JWTs** (`KL_MCP_JWT_JWKS`",
        (f"{IDENTIFY}with_both_the_tokens_file_is_asked_first_and_jwts_second",),
    ),
    (
        "A JWT has to be signed",
        (
            f"{JWT}a_signed_token_with_the_wrong_claims_is_refused_with_the_reason",
            f"{JWT}a_forged_token_is_refused_with_the_reason",
            f"{IDENTIFY}a_token_that_names_nobody_is_refused",
            f"{JWT_ATTACKS}a_token_without_the_scope_is_answered_403_naming_it",
        ),
    ),
    ("Clocks may differ by ten seconds", (f"{SECURITY}clocks_may_differ_by_ten_seconds",)),
    (
        "What a JWT says of its own key",
        (
            f"{JWT}the_key_that_a_token_brings_along_is_not_looked_at",
            f"{WITHDRAWAL}a_jwt_that_says_something_twice_is_answered_401_whatever_it_says",
        ),
    ),
    (
        "The key set comes from a file",
        (f"{KEYS_AT_URL}an_answer_that_is_no_key_set_leaves_none_and_is_logged_and_counted",),
    ),
    (
        "Clients that were refused are told",
        (
            f"{JWT_ATTACKS}a_request_without_token_is_told_of_no_error_but_of_the_metadata",
            f"{METADATA}the_metadata_needs_no_token_and_names_resource_issuer_and_scopes",
        ),
    ),
    (
        "**A key is withdrawn**",
        (KEEPS_NEW_KEY, f"{JWT_ATTACKS}a_rotated_key_is_accepted_at_once_and_the_old_one_no_longer"),
    ),
    ("A set without any usable key", (WITHDRAWN_FILE, START_WITHOUT_KEYS)),
    (
        "JWTs that were signed with such a key",
        (
            WITHDRAWN_FILE,
            WITHDRAWN_ADDRESS,
            f"{KEYS_AT_URL}a_set_without_keys_withdraws_those_before_it_as_soon_as_it_is_fetched",
        ),
    ),
    ("**A set that cannot be read is no withdrawal", (FIVE_MINUTES_FILE, FIVE_MINUTES_ADDRESS)),
    ("The earlier keys then stay", (FIVE_MINUTES_FILE, FIVE_MINUTES_ADDRESS, SEVENTY_SECONDS)),
    ("Then callers with JWTs are answered 503", (FIVE_MINUTES_FILE, FIVE_MINUTES_ADDRESS)),
    ("Whoever keeps the server from reaching the issuer", (FIVE_MINUTES_ADDRESS,)),
    (
        "What failed is tried again after five seconds",
        (
            f"{JWT_ATTACKS}while_the_issuer_is_down_jwts_are_answered_503_and_accepted_as_soon_as_it_is_back",
            f"{KEYS}a_file_that_could_not_be_read_for_a_moment_is_read_again_though_it_did_not_change",
        ),
    ),
    (
        "At the start, a file that cannot be read",
        (
            f"{JWT_ATTACKS}a_key_set_file_that_cannot_be_used_is_one_clear_line_and_exit_code_2",
            f"{KEYS_AT_URL}a_server_that_is_down_leaves_none",
        ),
    ),
    (
        "All of this is logged, and counted",
        (f"{KEYS_AT_URL}an_answer_that_is_no_key_set_leaves_none_and_is_logged_and_counted",),
    ),
    ("**Subscriptions**, the only answers", (STREAM_ENDS, WITHDRAWN_FILE)),
    ("**`namespaces`**, or the claim", (NOTHING_NAMED,)),
    (
        "Tools, resources, prompts, completion",
        (NOTHING_NAMED, f"{CALLERS}naming_anothers_namespace_is_answered_like_a_name_that_does_not_exist"),
    ),
    ("Totals of the cluster stay numbers", (f"{CALLERS}cluster_totals_stay_available_as_numbers",)),
    ("A caller who sees all namespaces but one", MEANING),
    (
        "Without that setting every accepted JWT",
        (
            f"{IDENTIFY}without_the_setting_a_jwt_shows_all_and_the_claim_means_nothing",
            f"{IDENTIFY}a_claim_that_is_missing_or_odd_is_refused_and_not_quoted",
        ),
    ),
    ("**Over stdio there are no callers", (f"{AUDIT}a_dash_writes_to_standard_error_and_no_caller_is_null",)),
    ("**The audit log**", (AUDITED, f"{JWT_ATTACKS}a_good_token_is_let_in_and_named_in_the_audit_log")),
    ("What callers put into arguments", (AUDITED,)),
    (
        "A request that was refused for its token",
        (FLOOD, NO_TOKEN_LOGGED, f"{JWT_ATTACKS}no_part_of_any_token_is_ever_logged"),
    ),
    ("The first ten of a minute", (FLOOD,)),
    (
        "**Limits** hold for all",
        (
            f"{LIMITS}a_body_beyond_the_limit_is_answered_413_naming_the_setting",
            f"{LIMITS}a_client_that_stops_sending_is_disconnected",
            f"{LIMITS}clients_that_ask_and_never_read_leave_their_places",
            f"{LIMITS}more_requests_than_the_limit_are_told_to_come_again_and_probes_are_answered",
            f"{ATTACKS}wide_bodies_are_refused_before_they_are_parsed",
            "tests/kl_mcp/tools/test_bounds.py",
        ),
    ),
    (
        "Callers share the places for requests",
        (f"{LIMITS}more_requests_than_the_limit_are_told_to_come_again_and_probes_are_answered",),
    ),
    (
        "Of many connections that wait",
        (f"{TRANSPORT}test_connections.py::test_the_one_that_has_waited_longest_makes_room_for_the_next",),
    ),
    (
        "Up to 512 subscriptions may be open",
        (
            f"{SECURITY}the_numbers_are_those_of_the_program",
            f"{SUBSCRIPTIONS}a_caller_gets_its_part_of_the_places_and_others_get_theirs",
        ),
    ),
    ("At its start the server raises", (f"{CAPACITY}the_limit_is_raised_as_far_as_the_process_may",)),
    (
        "Where that is below 1,344",
        (
            f"{SECURITY}the_numbers_are_those_of_the_program",
            f"{CAPACITY}subscriptions_get_what_the_others_leave",
            f"{SUBSCRIPTIONS}when_all_places_are_taken_calls_and_probes_are_answered_all_the_same",
        ),
    ),
    (
        "`KL_MCP_TLS_CERT_FILE` and `KL_MCP_TLS_KEY_FILE`",
        (
            FORWARD_SECRECY,
            f"{RUNNER}older_versions_and_ciphers_without_authenticated_encryption_are_refused",
            f"{METRICS}the_port_for_metrics_has_the_certificate_of_the_main_one",
            f"{RUNNING}the_probes_succeed_over_https_and_http_is_not_spoken_there",
        ),
    ),
    (
        "Renewed files are taken up",
        (
            f"{RUNNER}a_secret_that_kubernetes_swaps_is_served_to_new_connections_without_a_restart",
            f"{TLS}a_broken_renewal_is_logged_once_and_the_earlier_certificate_stays_until_it_is_mended",
            f"{TLS}a_renewal_with_another_kind_of_key_leaves_nothing_of_the_earlier_certificate",
        ),
    ),
    (
        "An expired one is refused at start",
        (f"{TLS}files_that_cannot_be_served_are_refused_in_one_line_naming_setting_and_file",),
    ),
    (
        "The kubelet's probes and the image's health check",
        (
            f"{HELM}test_healthcheck.py::test_a_server_is_healthy_while_it_answers_whatever_its_certificate_is_called",
            f"{RUNNING}the_container_of_helm_test_verifies_the_certificate_by_its_authority",
            f"{CHART}prometheus_scrapes_over_https_where_the_server_speaks_it",
        ),
    ),
    (
        "Without it `helm test` sends nothing secret",
        (
            f"{RUNNING}the_container_of_helm_test_takes_any_certificate_where_no_authority_is_named",
            f"{CHART}prometheus_scrapes_over_https_where_the_server_speaks_it",
        ),
    ),
    ("**Without TLS, tokens and answers", MEANING),
    ("A port-forward is encrypted", MEANING),
    ("the network lets everyone in", (READ_ONLY, SERVER_MOUNTS)),
    ("the server is taken over", (SERVER_MOUNTS, TOKEN_IN_COLLECTOR, RESTRICTED)),
    (
        "the collector is taken over",
        (
            RIGHTS_ARE_CALLS,
            f"{POLICIES}the_pod_gets_out_to_what_it_needs_where_egress_is_limited",
            f"{POLICIES}the_server_gets_out_to_the_issuer_of_jwts_where_a_url_of_its_keys_is_named",
        ),
    ),
    ("the machine's clock is set wrong", (CLOCK_JUMPS,)),
    (
        "the collector's token is stolen",
        (RIGHTS_ARE_CALLS, f"{PODS}the_projected_token_is_what_the_kubelet_would_mount"),
    ),
    ("a token is stolen", (IN_FORCE_SOON, AUDITED, NOTHING_NAMED)),
    (
        "a JWT is stolen",
        (f"{METADATA}a_token_that_the_same_issuer_made_for_another_service_opens_nothing", WITHDRAWN_FILE),
    ),
    (
        "the issuer of JWTs is taken over",
        (
            f"{WITHDRAWAL}a_start_with_an_empty_tokens_file_lets_nobody_in_with_a_token_but_with_a_jwt",
            WITHDRAWN_ADDRESS,
            SEVENTY_SECONDS,
        ),
    ),
    ("the server's TLS key is stolen", (FORWARD_SECRECY,)),
    ("the tokens file is read by others", (f"{TOKENS}the_digest_in_the_file_is_not_a_token",)),
    ("somebody passes for the API server", (f"{SESSION}a_certificate_that_cannot_be_verified",)),
    (
        "`kubernetesApi.endpoint` names somebody else's address",
        (
            f"{CREDENTIALS}another_address_with_credentials_of_its_own_gets_those",
            f"{CREDENTIALS}another_address_never_gets_the_pod_s_service_account",
        ),
    ),
    ("the volume is read by others", (COLLECTOR_TOUCHES,)),
    ("a DCGM exporter or somebody on the way", MEANING),
    (
        "a tenant chooses names and labels",
        ("tests/collector/store/test_store.py::test_a_name_that_is_no_dns_label_is_refused_and_nothing_is_written",),
    ),
    ("the assistant's model is hosted elsewhere", MEANING),
    (
        "User 10001",
        (
            RESTRICTED,
            f"{PODS}ids_are_left_to_openshift",
            f"{IMAGE}the_user_is_the_one_the_chart_names_and_not_root",
            KUSTOMIZE,
        ),
    ),
    (
        "Writable are the data volume and `/tmp`",
        (f"{PODS}what_a_container_writes_to_is_the_data_volume_and_a_temporary_one", SERVER_MOUNTS),
    ),
    (
        "The service-account token is a projected volume",
        (f"{PODS}the_projected_token_is_what_the_kubelet_would_mount", TOKEN_IN_COLLECTOR),
    ),
    (
        "Credentials for another cluster come from a Secret",
        (f"{SETTINGS}credentials_are_files_where_the_collector_is_told_they_are",),
    ),
    (
        "So do tokens and the TLS key",
        (
            f"{SETTINGS}tokens_are_a_file_for_the_server_alone_and_the_audit_log_is_on_standard_error",
            f"{SETTINGS}certificate_and_key_are_files_for_the_server_alone",
        ),
    ),
    (
        "Logs hold no token or password",
        (NO_TOKEN_LOGGED, f"{LOGS}a_secret_is_blotted_out_wherever_it_comes_from"),
    ),
    ("Dependencies are pinned with hashes", (f"{IMAGE}versions_are_those_of_the_lock",)),
    (
        "The compiler stays in the first stage",
        (
            f"{IMAGE}the_last_stage_gets_librrd_without_its_headers_and_nothing_of_the_source",
            f"{HELM}test_image_in_a_root.py::test_the_last_stage_takes_pip_out_of_where_the_base_has_it",
        ),
    ),
    ("The base is pinned by digest", (f"{IMAGE}both_stages_start_from_one_base_pinned_by_digest",)),
    ("Two things are fetched without a hash", (f"{IMAGE}the_steps_are_the_scripts_that_are_tested_here",)),
    ("Stated so that nobody relies on it", (NOT_THERE,)),
    ("Tokens, JWTs and TLS are off", (NOBODY_IS_ASKED, f"{IDENTIFY}without_either_nobody_is_told_apart")),
    ("Without tokens and JWTs, whoever reaches the port", (NOBODY_IS_ASKED,)),
]
