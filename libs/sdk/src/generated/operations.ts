// Generated from the contracts by `npm run generate`. Do not edit.
import type { Method, OperationRow } from '../client.ts'

export type Accesskey = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; token?: string; token_prefix: string; tm_expire: string | null }

export type Action = { id: string; next_id: string; error_id?: string; type: string; option: Record<string, unknown>; tm_execute: string | null }

export type Activeflow = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; flow_id: string; status: "" | "running" | "ended"; reference_type: "" | "ai" | "api" | "call" | "campaign" | "conversation" | "transcribe" | "recording" | "webchat"; reference_id: string; reference_activeflow_id: string; on_complete_flow_id: string; webhook_uri: string; webhook_method: "" | "POST" | "GET" | "PUT" | "DELETE"; current_action: Action; forward_action_id: string; executed_actions: Array<Action>; error: string }

export type Address = { type: "" | "agent" | "conference" | "email" | "extension" | "line" | "sip" | "tel" | "web_session"; target: string; target_name: string; name: string; detail: string }

export type Agent = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; username: string; name: string; detail: string; ring_method: "ringall" | "linear"; status: "" | "available" | "away" | "busy" | "offline" | "ringing"; permission: number; tag_ids: Array<string>; addresses: Array<Address>; direct_hash: string }

export type AuditEntry = { id: string; customer_id: string; timestamp: string; event_type: string; resource: string; resource_id: string; actor_type: "agent" | "accesskey" | "platform_admin" | "anonymous"; actor_id: string; credential_id: string; request_id: string; address: string }

export type AvailableNumber = { number: string; country: string; region: string; postal_code: string; features: Array<"emergency" | "fax" | "mms" | "sms" | "voice"> }

export type Billing = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; account_id: string; transaction_type: "usage" | "top_up" | "adjustment" | "refund"; status: "progressing" | "end" | "pending" | "finished"; reference_type: "" | "call" | "call_extension" | "sms" | "email" | "number" | "number_renew" | "credit_free_tier" | "monthly_allowance" | "credit_adjustment" | "token_adjustment" | "speaking" | "recording" | "paddle_credit_purchase" | "paddle_subscription" | "paddle_refund" | "stripe_credit_purchase" | "stripe_subscription" | "stripe_refund"; reference_id: string; cost_type: "" | "call_pstn_outgoing" | "call_pstn_incoming" | "call_vn" | "call_extension" | "call_direct_ext" | "sms" | "email" | "number" | "number_renew" | "tts" | "recording"; usage_duration: number; billable_units: number; rate_token_per_unit: number; rate_credit_per_unit: number; amount_token: number; amount_credit: number; balance_token_snapshot: number; balance_credit_snapshot: number; idempotency_key: string; tm_billing_start: string | null; tm_billing_end: string | null }

export type BillingAccount = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; plan_type: "free" | "basic" | "professional" | "unlimited"; plan_status: "active" | "canceling"; balance_credit: number; balance_token: number; payment_type: "" | "prepaid"; payment_method: "" | "credit card"; paddle_subscription_id: string; paddle_customer_id: string; stripe_subscription_id: string; stripe_customer_id: string; tm_last_topup: string | null; tm_next_topup: string | null }

export type BillingAccountAdmin = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; status: "active" | "frozen" | "deleted"; name: string; detail: string; plan_type: "free" | "basic" | "professional" | "unlimited"; plan_status: "active" | "canceling"; balance_credit: number; balance_token: number; payment_type: "" | "prepaid"; payment_method: "" | "credit card"; paddle_subscription_id: string; paddle_customer_id: string; stripe_subscription_id: string; stripe_customer_id: string; tm_last_topup: string | null; tm_next_topup: string | null }

export type BillingRate = { id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; cost_type: "call_pstn_outgoing" | "call_pstn_incoming" | "call_vn" | "call_extension" | "call_direct_ext" | "sms" | "email" | "number" | "number_renew" | "tts" | "recording"; prefix: string; rate_token_per_unit: number; rate_credit_per_unit: number }

export type Call = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; owner_type: "" | "agent"; owner_id: string; flow_id: string; activeflow_id: string; type: "" | "flow" | "conference" | "sip-service"; master_call_id: string; chained_call_ids: Array<string>; recording_id: string; recording_ids: Array<string>; groupcall_id: string; source: Address; destination: Address; status: "dialing" | "ringing" | "progressing" | "terminating" | "canceling" | "hangup"; action: Action; direction: "incoming" | "outgoing"; mute_direction: "" | "both" | "out" | "in"; hangup_by: "" | "remote" | "local"; hangup_reason: "" | "normal" | "failed" | "busy" | "cancel" | "timeout" | "noanswer" | "dialout" | "amd"; metadata: Record<string, unknown>; quality: CallQuality | null; tm_ringing: string | null; tm_progressing: string | null; tm_hangup: string | null }

export type CallQuality = { received: { mos: number; packets: number; packets_lost: number; jitter_ms: number }; sent: { mos: number; packets: number; packets_lost: number; jitter_ms: number } | null; round_trip_ms: number | null }

export type Customer = { id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; email: string; phone_number: string; address: string; webhook_method: "" | "POST" | "GET" | "PUT" | "DELETE"; webhook_uri: string; billing_account_id: string; metadata: { rtp_debug: boolean }; email_verified: boolean; status: "initial" | "active" | "frozen" | "deleted" | "expired"; identity_verification_status: "none" | "pending" | "verified" | "rejected"; tm_deletion_scheduled: string | null }

export type CustomerAdmin = { id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; email: string; phone_number: string; address: string; webhook_method: "" | "POST" | "GET" | "PUT" | "DELETE"; webhook_uri: string; billing_account_id: string; metadata: { rtp_debug: boolean }; email_verified: boolean; status: "initial" | "active" | "frozen" | "deleted" | "expired"; identity_verification_status: "none" | "pending" | "verified" | "rejected"; tm_deletion_scheduled: string | null; terms_agreed_version?: string; terms_agreed_ip?: string }

export type Extension = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; extension: string; domain_name: string; username: string; password: string; direct_hash: string }

export type File = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; owner_type: "" | "agent"; owner_id: string; reference_type: "" | "normal" | "recording"; reference_id: string; type: "" | "rag" | "talk" | "recording"; name: string; detail: string; filename: string; filesize: number; uri_download: string; tm_download_expire: string | null }

export type Flow = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; type: "flow" | "conference" | "queue" | "campaign" | "transfer"; name: string; detail: string; actions: Array<Action>; direct_hash: string; on_complete_flow_id: string }

export type Groupcall = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; owner_type: "" | "agent"; owner_id: string; status: "progressing" | "hangingup" | "hangup"; flow_id: string; source: Address; destinations: Array<Address>; master_call_id: string; master_groupcall_id: string; ring_method: "" | "ring_all" | "linear"; answer_method: "" | "hangup_others"; answer_call_id: string; call_ids: Array<string>; answer_groupcall_id: string; groupcall_ids: Array<string>; call_count: number; groupcall_count: number; dial_index: number }

export type Invoice = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; account_id: string; period: string; opening_credit: number; closing_credit: number; lines: Array<{ transaction_type: "usage" | "top_up" | "adjustment" | "refund"; reference_type: "" | "call" | "call_extension" | "sms" | "email" | "number" | "number_renew" | "credit_free_tier" | "monthly_allowance" | "credit_adjustment" | "token_adjustment" | "speaking" | "recording" | "paddle_credit_purchase" | "paddle_subscription" | "paddle_refund" | "stripe_credit_purchase" | "stripe_subscription" | "stripe_refund"; cost_type: "" | "call_pstn_outgoing" | "call_pstn_incoming" | "call_vn" | "call_extension" | "call_direct_ext" | "sms" | "email" | "number" | "number_renew" | "tts" | "recording"; count: number; billable_units: number; amount_token: number; amount_credit: number }> }

export type Number = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; number: string; type: "normal" | "virtual"; call_flow_id: string; message_flow_id: string; name: string; detail: string; status: "active" | "deleted"; t38_enabled: boolean; emergency_enabled: boolean; metadata: { rtp_debug: boolean }; tm_purchase: string | null; tm_renew: string | null }

export type NumberPattern = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; type: "wildcard" | "regex"; pattern: string; call_flow_id: string; message_flow_id: string; name: string; detail: string }

export type OutboundConfig = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; destination_whitelist: Array<string>; codecs: string; default_outgoing_source_number_id: string }

export type OwnCustomer = { id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; email: string; phone_number: string; address: string; webhook_method: "" | "POST" | "GET" | "PUT" | "DELETE"; webhook_uri: string; webhook_secret: string; billing_account_id: string; metadata: { rtp_debug: boolean }; email_verified: boolean; status: "initial" | "active" | "frozen" | "deleted" | "expired"; identity_verification_status: "none" | "pending" | "verified" | "rejected"; tm_deletion_scheduled: string | null }

export type Provider = { id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; type: "sip"; hostname: string; tech_prefix: string; tech_postfix: string; tech_headers: Record<string, string>; metadata: Record<string, unknown>; name: string; detail: string; codecs: string; username: string; health_status: "unknown" | "healthy" | "unhealthy"; health_checked_at: string | null; register: boolean; registration_status: "off" | "unknown" | "registering" | "registered" | "rejected" | "unreachable"; registration_detail: string }

export type Providercall = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; provider_id: string; flow_id: string; source: Address; destinations: Array<Address>; anonymous: "yes" | "no" | "auto"; call_ids: Array<string>; groupcall_ids: Array<string> }

export type Recording = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; owner_type: "" | "agent"; owner_id: string; activeflow_id: string; reference_type: "call" | "confbridge"; reference_id: string; status: "initiating" | "recording" | "stopping" | "ended"; format: "wav"; on_end_flow_id: string; tm_start: string | null; tm_end: string | null; uri_download: string; filesize: number; sha256: string }

export type Route = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; provider_id: string; priority: number; target: string }

export type SavedFlow = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; type: "flow" | "conference" | "queue" | "campaign" | "transfer"; name: string; detail: string; actions: Array<Action>; direct_hash: string; on_complete_flow_id: string; warnings: Array<{ field: string; problem: string }> }

export type StorageAccount = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; total_file_count: number; total_file_size: number; quota_file_count: number; quota_file_size: number }

export type Tag = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string }

export type Trunk = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; domain_name: string; auth_types: Array<"basic" | "ip">; username: string; password: string; allowed_ips: Array<string> }

export type WebhookDelivery = { id: string; customer_id: string; webhook_endpoint_id: string; event_type: string; resource_id: string; status: "pending" | "delivered" | "failed"; attempts: number; status_code: number; error: string; tm_next_attempt: string | null; tm_create: string; tm_update: string | null }

export type WebhookEndpoint = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; type: "endpoint" | "customer" | "activeflow"; uri: string; method: "POST" | "GET" | "PUT" | "DELETE"; event_types: Array<string>; status: "enabled" | "disabled" | "failed"; failures: number; tm_failing: string | null; tm_old_secret_expire: string | null }

export type WebhookEndpointWithSecret = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; type: "endpoint" | "customer" | "activeflow"; uri: string; method: "POST" | "GET" | "PUT" | "DELETE"; event_types: Array<string>; status: "enabled" | "disabled" | "failed"; failures: number; tm_failing: string | null; tm_old_secret_expire: string | null; secret: string }

export interface Operations {
  session: {
    /** Ask for an account; the link that is mailed makes it. The answer is the same for every address */
    signup: Method<{ name?: string; detail?: string; email: string; phone_number?: string; address?: string; webhook_method?: "" | "POST" | "GET" | "PUT" | "DELETE"; webhook_uri?: string; accepted_tos: true }, Record<string, unknown>>
    /** Log in; the token goes into `Authorization: Bearer` (or `?token=`) of every request, browsers keep it as a cookie */
    login: Method<{ username: string; password: string }, { username: string; token: string }>
    /** Log out: the token of this request stops working */
    logout: Method<Record<string, unknown>, Record<string, unknown>>
    /** Get a token for the resource behind a direct hash, without logging in */
    boot: Method<{ direct_hash: string }, { token: string; type: "direct"; resource_type: string; resource_id: string; customer_id: string; expire: string }>
    /** As an operator of the platform, get a token that acts as an admin of a customer */
    delegate: Method<{ customer_id: string; reason: string }, { token: string; customer_id: string; expire: string }>
  }
  customer: {
    /** Get your own customer */
    own: Method<Record<string, unknown>, OwnCustomer>
    /** Replace your own customer; an email that is not verified is mailed a link */
    update_own: Method<{ name: string; detail?: string; email: string; phone_number?: string; address?: string; webhook_method?: "" | "POST" | "GET" | "PUT" | "DELETE"; webhook_uri?: string }, Customer>
    /** Set the switches of your own customer */
    update_own_metadata: Method<{ rtp_debug?: boolean }, Customer>
    /** Choose which billing account pays for your own customer */
    update_own_billing_account_id: Method<{ billing_account_id: string }, Customer>
    /** Confirm an address with the token from the mail. That of a sign-up makes the account; its access key is shown this once */
    email_verify: Method<{ token: string }, { customer: Customer; accesskey?: Accesskey }>
    /** Freeze your own customer, to be deleted in 30 days or, with `immediate`, now */
    unregister: Method<{ password?: string; confirmation_phrase?: string; immediate?: boolean }, Customer>
    /** Take back that your own customer is to be deleted */
    recover_own: Method<Record<string, unknown>, Customer>
    /** List all customers */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<CustomerAdmin>; next_page_token: string }>
    /** Create a customer */
    create: Method<{ name: string; detail?: string; email: string; phone_number?: string; address?: string; webhook_method?: "" | "POST" | "GET" | "PUT" | "DELETE"; webhook_uri?: string; id?: string }, CustomerAdmin>
    /** Get a customer */
    get: Method<{ id: string }, CustomerAdmin>
    /** Replace a customer */
    update: Method<{ name: string; detail?: string; email: string; phone_number?: string; address?: string; webhook_method?: "" | "POST" | "GET" | "PUT" | "DELETE"; webhook_uri?: string; id: string }, CustomerAdmin>
    /** Set the switches of a customer */
    update_metadata: Method<{ id: string; rtp_debug?: boolean }, CustomerAdmin>
    /** Say whether it is known who a customer is */
    update_identity_verification_status: Method<{ id: string; identity_verification_status: "none" | "pending" | "verified" | "rejected" }, CustomerAdmin>
    /** Choose which billing account pays for a customer */
    update_billing_account_id: Method<{ id: string; billing_account_id: string }, CustomerAdmin>
    /** Freeze a customer, to be deleted in 30 days */
    freeze: Method<{ id: string }, CustomerAdmin>
    /** Take a freeze back */
    recover: Method<{ id: string }, CustomerAdmin>
    /** Delete a customer with everything it has */
    delete: Method<{ id: string }, CustomerAdmin>
  }
  accesskey: {
    /** List access keys */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Accesskey>; next_page_token: string }>
    /** Create an access key; its token is shown this once */
    create: Method<{ name?: string; detail?: string; expire?: number }, Accesskey>
    /** Get an access key */
    get: Method<{ id: string }, Accesskey>
    /** Rename an access key */
    update: Method<{ id: string; name?: string; detail?: string }, Accesskey>
    /** Revoke an access key */
    delete: Method<{ id: string }, Accesskey>
  }
  agent: {
    /** List agents */
    list: Method<{ page_size?: number; page_token?: string; status?: "" | "available" | "away" | "busy" | "offline" | "ringing"; tag_ids?: string }, { result: Array<Agent>; next_page_token: string }>
    /** Create an agent */
    create: Method<{ name: string; detail?: string; ring_method?: "ringall" | "linear"; username: string; password: string; permission: number; tag_ids?: Array<string>; addresses?: Array<Address> }, Agent>
    /** Get an agent */
    get: Method<{ id: string }, Agent>
    /** Replace name, detail and ring method */
    update: Method<{ id: string; name: string; detail?: string; ring_method?: "ringall" | "linear" }, Agent>
    /** Delete an agent */
    delete: Method<{ id: string }, Agent>
    /** Replace the addresses */
    update_addresses: Method<{ id: string; addresses: Array<Address> }, Agent>
    /** Replace the tags */
    update_tag_ids: Method<{ id: string; tag_ids: Array<string> }, Agent>
    /** Set the status */
    update_status: Method<{ id: string; status: "" | "available" | "away" | "busy" | "offline" | "ringing" }, Agent>
    /** Set the password; the agent is logged out everywhere */
    update_password: Method<{ id: string; password: string }, Agent>
    /** Set the permission bits */
    update_permission: Method<{ id: string; permission: number }, Agent>
    /** Give the agent a new direct hash; the old one stops working */
    direct_hash_regenerate: Method<{ id: string }, Agent>
    /** Get the agent you are logged in as */
    me: Method<Record<string, unknown>, Agent>
    /** Have a link for a new password mailed, if there is such an agent */
    password_forgot: Method<{ username: string }, Record<string, unknown>>
    /** Set a new password with the token from the mail; the agent is logged out everywhere */
    password_reset: Method<{ token: string; password: string }, Record<string, unknown>>
  }
  available_number: {
    /** Find numbers that you could add */
    search: Method<{ page_size?: number; country_code?: string; type?: "normal" | "virtual" }, { result: Array<AvailableNumber> }>
  }
  number: {
    /** List numbers */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Number>; next_page_token: string }>
    /** Buy a number, or take a virtual one */
    create: Method<{ call_flow_id?: string; message_flow_id?: string; name?: string; detail?: string; number: string; type?: "normal" | "virtual" }, Number>
    /** Give a customer a number that a carrier sends here already */
    register: Method<{ call_flow_id?: string; message_flow_id?: string; name?: string; detail?: string; customer_id: string; number: string }, Number>
    /** Renew for a month what was last renewed before a time, as is done by itself once the month is over */
    renew: Method<{ tm_renew: string }, Array<Number>>
    /** Get a number */
    get: Method<{ id: string }, Number>
    /** Replace flows, name and detail */
    update: Method<{ id: string; call_flow_id?: string; message_flow_id?: string; name?: string; detail?: string }, Number>
    /** Replace the flows */
    update_flow_ids: Method<{ id: string; call_flow_id?: string; message_flow_id?: string }, Number>
    /** Switch the capture of calls to the number on or off */
    update_metadata: Method<{ id: string; rtp_debug?: boolean }, Number>
    /** Release a number */
    delete: Method<{ id: string }, Number>
  }
  number_pattern: {
    /** List your number patterns; operators see those of all customers */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<NumberPattern>; next_page_token: string }>
    /** Give a customer all numbers that fit a pattern */
    create: Method<{ call_flow_id?: string; message_flow_id?: string; name?: string; detail?: string; customer_id: string; type?: "wildcard" | "regex"; pattern: string }, NumberPattern>
    /** Get a number pattern */
    get: Method<{ id: string }, NumberPattern>
    /** Replace flows, name and detail */
    update: Method<{ id: string; call_flow_id?: string; message_flow_id?: string; name?: string; detail?: string }, NumberPattern>
    /** Take the numbers of a pattern away */
    delete: Method<{ id: string }, NumberPattern>
  }
  extension: {
    /** List extensions */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Extension>; next_page_token: string }>
    /** Create an extension */
    create: Method<{ name?: string; detail?: string; password: string; extension: string }, Extension>
    /** Get an extension */
    get: Method<{ id: string }, Extension>
    /** Replace name, detail and password */
    update: Method<{ id: string; name?: string; detail?: string; password: string }, Extension>
    /** Delete an extension */
    delete: Method<{ id: string }, Extension>
    /** Give an extension a new short address; the old one stops working */
    direct_hash_regenerate: Method<{ id: string }, Extension>
  }
  trunk: {
    /** List trunks */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Trunk>; next_page_token: string }>
    /** Create a trunk */
    create: Method<{ name?: string; detail?: string; auth_types: Array<"basic" | "ip">; username?: string; password?: "" | string; allowed_ips?: Array<string | string | string | string>; domain_name: string }, Trunk>
    /** Get a trunk */
    get: Method<{ id: string }, Trunk>
    /** Replace all of a trunk but its domain_name */
    update: Method<{ id: string; name?: string; detail?: string; auth_types: Array<"basic" | "ip">; username?: string; password?: "" | string; allowed_ips?: Array<string | string | string | string> }, Trunk>
    /** Delete a trunk */
    delete: Method<{ id: string }, Trunk>
  }
  flow: {
    /** List flows */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Flow>; next_page_token: string }>
    /** Create a flow */
    create: Method<{ name: string; detail?: string; actions: Array<{ id?: string; next_id?: string; error_id?: string; type: string; option?: Record<string, unknown>; tm_execute?: string | null }>; on_complete_flow_id?: string }, SavedFlow>
    /** Get a flow */
    get: Method<{ id: string }, Flow>
    /** Replace a flow */
    update: Method<{ id: string; name: string; detail?: string; actions: Array<{ id?: string; next_id?: string; error_id?: string; type: string; option?: Record<string, unknown>; tm_execute?: string | null }>; on_complete_flow_id?: string }, SavedFlow>
    /** Delete a flow */
    delete: Method<{ id: string }, Flow>
    /** Give the flow another short address; the old one stops working */
    direct_hash_regenerate: Method<{ id: string }, Flow>
    /** Run the flow against a scripted caller, without a call and without asking anybody */
    simulate: Method<{ id: string; time?: string; call?: boolean; source?: Address; destination?: Address; variables?: Record<string, string>; caller?: Array<{ at: number; type: "digits" | "speech" | "hangup"; value?: string }>; answers?: Array<{ action: string; duration?: number; actions?: Array<{ id?: string; next_id?: string; error_id?: string; type: string; option?: Record<string, unknown>; tm_execute?: string | null }>; variables?: Record<string, string>; problem?: string }> }, { trace: Array<{ at: number; type: "action" | "failure" | "webhook" | "digits" | "speech" | "hangup" | "end"; action?: Action; value: string }>; status: "running" | "ended"; error: string; duration: number; time_end: string; final_variables: Record<string, string> }>
  }
  activeflow: {
    /** List running and ended flows */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Activeflow>; next_page_token: string }>
    /** Run a flow without a call */
    create: Method<{ flow_id?: string; actions?: Array<{ id?: string; next_id?: string; error_id?: string; type: string; option?: Record<string, unknown>; tm_execute?: string | null }>; variables?: Record<string, string>; webhook_uri?: string; webhook_method?: "" | "POST" | "GET" | "PUT" | "DELETE"; id?: string }, Activeflow>
    /** Get a running or ended flow */
    get: Method<{ id: string }, Activeflow>
    /** Stop and delete it */
    delete: Method<{ id: string }, Activeflow>
    /** Stop it; a call that it controls is hung up */
    stop: Method<{ id: string }, Activeflow>
  }
  provider: {
    /** List carriers */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Provider>; next_page_token: string }>
    /** Add a carrier */
    create: Method<{ type: "sip"; hostname: string; tech_prefix: string; tech_postfix: string; tech_headers: Record<string, string>; name: string; detail?: string; codecs?: string; username?: string; password?: string; register?: boolean }, Provider>
    /** Make the connection at the carrier itself, and add it */
    setup: Method<{ carrier: "telnyx"; name: string; detail?: string; credentials: { api_key: string } }, Provider>
    /** Get a carrier */
    get: Method<{ id: string }, Provider>
    /** Replace a carrier */
    update: Method<{ id: string; type: "sip"; hostname: string; tech_prefix: string; tech_postfix: string; tech_headers: Record<string, string>; name: string; detail?: string; codecs?: string; username?: string; password?: string; register?: boolean }, Provider>
    /** Remove a carrier; its routes count no more */
    delete: Method<{ id: string }, Provider>
  }
  route: {
    /** List routes, of one customer or of all */
    list: Method<{ page_size?: number; page_token?: string; customer_id?: string }, { result: Array<Route>; next_page_token: string }>
    /** Add a route for a customer or, with the nil id, for everyone */
    create: Method<{ name: string; detail?: string; provider_id: string; priority: number; target: string; customer_id: string }, Route>
    /** Get a route */
    get: Method<{ id: string }, Route>
    /** Replace a route */
    update: Method<{ id: string; name: string; detail?: string; provider_id: string; priority: number; target: string }, Route>
    /** Remove a route */
    delete: Method<{ id: string }, Route>
  }
  providercall: {
    /** List test calls, of one carrier or of all */
    list: Method<{ page_size?: number; page_token?: string; provider_id?: string }, { result: Array<Providercall>; next_page_token: string }>
    /** Make a test call through one carrier */
    create: Method<{ flow_id?: string; actions?: Array<{ id?: string; next_id?: string; error_id?: string; type: string; option?: Record<string, unknown>; tm_execute?: string | null }>; source?: Address; destinations: Array<Address>; anonymous?: "yes" | "no" | "auto"; provider_id: string }, Providercall>
    /** Get a test call */
    get: Method<{ id: string }, Providercall>
    /** Delete the record of a test call */
    delete: Method<{ id: string }, Providercall>
  }
  call: {
    /** List calls */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Call>; next_page_token: string }>
    /** Call the destinations and run a flow on each that answers */
    create: Method<{ flow_id?: string; actions?: Array<{ id?: string; next_id?: string; error_id?: string; type: string; option?: Record<string, unknown>; tm_execute?: string | null }>; source?: Address; destinations: Array<Address>; anonymous?: "yes" | "no" | "auto"; variables?: Record<string, string> }, { calls: Array<Call>; groupcalls: Array<Groupcall> }>
    /** Get a call */
    get: Method<{ id: string }, Call>
    /** Hang up, if need be, and delete */
    delete: Method<{ id: string }, Call>
    /** Hang up */
    hangup: Method<{ id: string }, Call>
    /** Start recording */
    recording_start: Method<{ id: string; format?: "wav"; end_of_silence?: number; end_of_key?: "" | "none" | "any" | "*" | "#"; duration?: number; beep_start?: boolean; on_end_flow_id?: string; channels?: 1 | 2 }, Call>
    /** Leave out what is said until `recording_resume` */
    recording_pause: Method<{ id: string }, Call>
    /** Record on after `recording_pause` */
    recording_resume: Method<{ id: string }, Call>
    /** Stop recording */
    recording_stop: Method<{ id: string }, Call>
    /** Put on hold: the phone hears music */
    hold: Method<{ id: string }, Record<string, unknown>>
    /** Take off hold */
    unhold: Method<{ id: string }, Record<string, unknown>>
    /** Play music on hold */
    moh_start: Method<{ id: string }, Record<string, unknown>>
    /** Stop the music on hold */
    moh_stop: Method<{ id: string }, Record<string, unknown>>
    /** Send silence, for phones that take the absence of sound for a fault */
    silence_start: Method<{ id: string }, Record<string, unknown>>
    /** Send silence no more */
    silence_stop: Method<{ id: string }, Record<string, unknown>>
    /** Mute what the phone says (`in`), what it hears (`out`), or both */
    mute: Method<{ id: string; direction?: "" | "both" | "out" | "in" }, Record<string, unknown>>
    /** Unmute what the phone says (`in`), what it hears (`out`), or both */
    unmute: Method<{ id: string; direction?: "" | "both" | "out" | "in" }, Record<string, unknown>>
    /** Speak a text, beside what the flow does; an incoming call is answered first */
    talk: Method<{ id: string; text: string; language?: string; provider?: string; voice_id?: string }, Record<string, unknown>>
  }
  groupcall: {
    /** List groupcalls */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Groupcall>; next_page_token: string }>
    /** Call several phones and run a flow on whoever answers */
    create: Method<{ flow_id?: string; actions?: Array<{ id?: string; next_id?: string; error_id?: string; type: string; option?: Record<string, unknown>; tm_execute?: string | null }>; source?: Address; destinations: Array<Address>; anonymous?: "yes" | "no" | "auto"; variables?: Record<string, string>; ring_method: "" | "ring_all" | "linear"; answer_method: "" | "hangup_others" }, Groupcall>
    /** Get a groupcall */
    get: Method<{ id: string }, Groupcall>
    /** Hang up, if need be, and delete */
    delete: Method<{ id: string }, Groupcall>
    /** Hang up every call of it */
    hangup: Method<{ id: string }, Groupcall>
  }
  recording: {
    /** List recordings */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Recording>; next_page_token: string }>
    /** Get a recording */
    get: Method<{ id: string }, Recording>
    /** Delete a recording and its file */
    delete: Method<{ id: string }, Recording>
    /** Get the audio of a recording (307 to a signed address) */
    file: Method<{ id: string }, { location: string }>
  }
  outbound_config: {
    /** Get your own outbound config */
    own: Method<Record<string, unknown>, OutboundConfig>
    /** Change your own outbound config; it is made when there is none */
    update_own: Method<{ name?: string | null; detail?: string | null; destination_whitelist?: Array<string> | null; codecs?: string | null; default_outgoing_source_number_id?: string | null }, OutboundConfig>
    /** List outbound configs, of one customer or of all */
    list: Method<{ page_size?: number; page_token?: string; customer_id?: string }, { result: Array<OutboundConfig>; next_page_token: string }>
    /** Make the outbound config of a customer, by default of your own */
    create: Method<{ name?: string | null; detail?: string | null; destination_whitelist?: Array<string> | null; codecs?: string | null; default_outgoing_source_number_id?: string | null; customer_id?: string }, OutboundConfig>
    /** Get an outbound config */
    get: Method<{ id: string }, OutboundConfig>
    /** Change an outbound config */
    update: Method<{ id: string; name?: string | null; detail?: string | null; destination_whitelist?: Array<string> | null; codecs?: string | null; default_outgoing_source_number_id?: string | null }, OutboundConfig>
    /** Delete an outbound config: phone numbers cannot be called any more */
    delete: Method<{ id: string }, OutboundConfig>
  }
  billing_account: {
    /** Get your own billing account */
    own: Method<Record<string, unknown>, BillingAccount>
    /** Name your own billing account */
    update_own: Method<{ name?: string; detail?: string }, BillingAccount>
    /** Say how you pay */
    update_own_payment_info: Method<{ payment_type?: "" | "prepaid"; payment_method?: "" | "credit card" }, BillingAccount>
    /** List all billing accounts */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<BillingAccountAdmin>; next_page_token: string }>
    /** Get a billing account */
    get: Method<{ id: string }, BillingAccountAdmin>
    /** Name a billing account */
    update: Method<{ id: string; name?: string; detail?: string }, BillingAccountAdmin>
    /** Say how a billing account is paid */
    update_payment_info: Method<{ id: string; payment_type?: "" | "prepaid"; payment_method?: "" | "credit card" }, BillingAccountAdmin>
    /** Put a billing account on another plan, with its tokens from now on */
    update_plan_type: Method<{ id: string; plan_type: "free" | "basic" | "professional" | "unlimited" }, BillingAccountAdmin>
    /** Add credit, in US dollars */
    balance_add_force: Method<{ id: string; balance: number }, BillingAccount>
    /** Take credit away, in US dollars, as far as there is any that no call holds */
    balance_subtract_force: Method<{ id: string; balance: number }, BillingAccount>
  }
  billing: {
    /** List what was charged and paid */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Billing>; next_page_token: string }>
    /** Get a billing */
    get: Method<{ id: string }, Billing>
  }
  billing_rate: {
    /** List the rates */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<BillingRate>; next_page_token: string }>
    /** Add a rate for a prefix */
    create: Method<{ cost_type: "call_pstn_outgoing" | "call_pstn_incoming" | "call_vn" | "call_extension" | "call_direct_ext" | "sms" | "email" | "number" | "number_renew" | "tts" | "recording"; prefix?: string; rate_token_per_unit: number; rate_credit_per_unit: number }, BillingRate>
    /** Change a rate for what begins from now on */
    update: Method<{ id: string; rate_token_per_unit: number; rate_credit_per_unit: number }, BillingRate>
    /** Delete a rate; a shorter prefix counts then, and without any nothing is charged */
    delete: Method<{ id: string }, BillingRate>
  }
  invoice: {
    /** List invoices; one is made after each month */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Invoice>; next_page_token: string }>
    /** Get an invoice */
    get: Method<{ id: string }, Invoice>
    /** Get an invoice as a PDF (307 to a signed address) */
    file: Method<{ id: string }, { location: string }>
  }
  payment: {
    /** Get a page on which to buy credit or a plan */
    checkout: Method<{ provider: "paddle" | "stripe"; amount_cents?: number; plan_type?: "basic" | "professional"; return_url: string }, { url: string }>
    /** Get a page of Paddle on which to manage payments */
    paddle_portal: Method<Record<string, unknown>, { url: string }>
    /** Get a page of Stripe on which to manage payments */
    stripe_portal: Method<Record<string, unknown>, { url: string }>
  }
  storage_account: {
    /** Get your own storage account */
    own: Method<Record<string, unknown>, StorageAccount>
    /** List the storage accounts of all customers */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<StorageAccount>; next_page_token: string }>
    /** Open a storage account for a customer whose account was deleted */
    create: Method<{ customer_id: string }, StorageAccount>
    /** Get a storage account */
    get: Method<{ id: string }, StorageAccount>
    /** Delete a storage account and every file in it */
    delete: Method<{ id: string }, StorageAccount>
  }
  storage_file: {
    /** List files */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<File>; next_page_token: string }>
    /** Upload a file */
    create: Method<{ type: "rag"; file: Blob }, File>
    /** Get a file */
    get: Method<{ id: string }, File>
    /** Delete a file */
    delete: Method<{ id: string }, File>
    /** Get the bytes of a file (307 to a signed address) */
    file: Method<{ id: string }, { location: string }>
  }
  timeline: {
    /** List what happened to a resource: `resource_type` is what its path begins with, as in `calls` */
    list: Method<{ page_size?: number; page_token?: string; resource_type: string; resource_id: string }, { result: Array<{ timestamp: string; event_type: string; data: unknown }>; next_page_token: string }>
    /** List what happened to everything that an activeflow controlled: give its id, or that of one of its calls */
    aggregated: Method<{ page_size?: number; page_token?: string; activeflow_id?: string; call_id?: string }, { result: Array<{ timestamp: string; event_type: string; data: unknown }>; next_page_token: string }>
    /** Get for how many days events are kept */
    get_retention: Method<Record<string, unknown>, { events_days: number }>
    /** Set for how many days events are kept */
    update_retention: Method<{ events_days: number }, { events_days: number }>
  }
  sip_message: {
    /** Get the SIP messages of a call, oldest first */
    analysis: Method<{ call_id: string }, { sip_messages: Array<{ timestamp: string; method: string; src_ip: string; src_port: number; dst_ip: string; dst_port: number; raw: string }>; rtcp_stats: { mos: number; jitter: number; packet_loss_pct: number; rtt: number; rtp_bytes: number; rtp_packets: number; rtp_errors: number; rtcp_bytes: number; rtcp_packets: number; rtcp_errors: number } | null }>
    /** Get the SIP messages of a call as a file for Wireshark */
    pcap: Method<{ call_id: string }, Blob>
  }
  audit_log: {
    /** List who changed what, when and from where */
    list: Method<{ page_size?: number; page_token?: string; actor_id?: string; resource_id?: string; since?: string; until?: string }, { result: Array<AuditEntry>; next_page_token: string }>
    /** List who changed what of a customer, also of a deleted one; the nil id stands for the platform itself */
    list_of: Method<{ page_size?: number; page_token?: string; actor_id?: string; resource_id?: string; since?: string; until?: string; customer_id: string }, { result: Array<AuditEntry>; next_page_token: string }>
  }
  webhook_endpoint: {
    /** List webhook endpoints */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<WebhookEndpoint>; next_page_token: string }>
    /** Create a webhook endpoint; its secret is shown this once */
    create: Method<{ name?: string; detail?: string; uri: string; event_types?: Array<string>; status?: "enabled" | "disabled" }, WebhookEndpointWithSecret>
    /** Get a webhook endpoint; the id of the customer stands for the address of `PUT /customer` */
    get: Method<{ id: string }, WebhookEndpoint>
    /** Replace a webhook endpoint; what is to be tried again is tried at once */
    update: Method<{ id: string; name?: string; detail?: string; uri: string; event_types?: Array<string>; status?: "enabled" | "disabled" }, WebhookEndpoint>
    /** Delete a webhook endpoint */
    delete: Method<{ id: string }, WebhookEndpoint>
    /** Give a webhook endpoint a new secret, shown this once; the old one signs too for `grace` seconds */
    rotate_secret: Method<{ id: string; grace?: number }, WebhookEndpointWithSecret>
    /** Send a signed `webhook_endpoint_ping` at once and tell what the receiver answered */
    ping: Method<{ id: string }, { accepted: boolean; status_code: number; error: string; duration_ms: number }>
  }
  webhook_delivery: {
    /** List what was, is or will be sent to an endpoint */
    list: Method<{ page_size?: number; page_token?: string; id: string; status?: "" | "pending" | "delivered" | "failed" }, { result: Array<WebhookDelivery>; next_page_token: string }>
    /** Send one event to the endpoint once more, with its retries */
    replay: Method<{ id: string; delivery_id: string }, WebhookDelivery>
    /** Send everything once more that was given up since a time */
    replay_failed: Method<{ id: string; since: string }, { count: number }>
  }
  tag: {
    /** List tags */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Tag>; next_page_token: string }>
    /** Create a tag */
    create: Method<{ name: string; detail?: string }, Tag>
    /** Get a tag */
    get: Method<{ id: string }, Tag>
    /** Replace a tag */
    update: Method<{ id: string; name: string; detail?: string }, Tag>
    /** Delete a tag */
    delete: Method<{ id: string }, Tag>
  }
}

export const operations: Record<string, Record<string, OperationRow>> = {
  session: {
    signup: {"method":"POST","path":"/auth/signup","parameters":[]},
    login: {"method":"POST","path":"/auth/login","parameters":[]},
    logout: {"method":"POST","path":"/auth/logout","parameters":[]},
    boot: {"method":"POST","path":"/auth/boot","parameters":[]},
    delegate: {"method":"POST","path":"/auth/delegate","parameters":[]},
  },
  customer: {
    own: {"method":"GET","path":"/v1.0/customer","parameters":[]},
    update_own: {"method":"PUT","path":"/v1.0/customer","parameters":[]},
    update_own_metadata: {"method":"PUT","path":"/v1.0/customer/metadata","parameters":[]},
    update_own_billing_account_id: {"method":"PUT","path":"/v1.0/customer/billing_account_id","parameters":[]},
    email_verify: {"method":"POST","path":"/auth/email-verify","parameters":[]},
    unregister: {"method":"POST","path":"/auth/unregister","parameters":[]},
    recover_own: {"method":"DELETE","path":"/auth/unregister","parameters":[]},
    list: {"method":"GET","path":"/v1.0/customers","parameters":[]},
    create: {"method":"POST","path":"/v1.0/customers","parameters":[]},
    get: {"method":"GET","path":"/v1.0/customers/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/customers/{id}","parameters":["id"]},
    update_metadata: {"method":"PUT","path":"/v1.0/customers/{id}/metadata","parameters":["id"]},
    update_identity_verification_status: {"method":"PUT","path":"/v1.0/customers/{id}/identity_verification_status","parameters":["id"]},
    update_billing_account_id: {"method":"PUT","path":"/v1.0/customers/{id}/billing_account_id","parameters":["id"]},
    freeze: {"method":"POST","path":"/v1.0/customers/{id}/freeze","parameters":["id"]},
    recover: {"method":"POST","path":"/v1.0/customers/{id}/recover","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/customers/{id}","parameters":["id"]},
  },
  accesskey: {
    list: {"method":"GET","path":"/v1.0/accesskeys","parameters":[]},
    create: {"method":"POST","path":"/v1.0/accesskeys","parameters":[]},
    get: {"method":"GET","path":"/v1.0/accesskeys/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/accesskeys/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/accesskeys/{id}","parameters":["id"]},
  },
  agent: {
    list: {"method":"GET","path":"/v1.0/agents","parameters":[]},
    create: {"method":"POST","path":"/v1.0/agents","parameters":[]},
    get: {"method":"GET","path":"/v1.0/agents/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/agents/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/agents/{id}","parameters":["id"]},
    update_addresses: {"method":"PUT","path":"/v1.0/agents/{id}/addresses","parameters":["id"]},
    update_tag_ids: {"method":"PUT","path":"/v1.0/agents/{id}/tag_ids","parameters":["id"]},
    update_status: {"method":"PUT","path":"/v1.0/agents/{id}/status","parameters":["id"]},
    update_password: {"method":"PUT","path":"/v1.0/agents/{id}/password","parameters":["id"]},
    update_permission: {"method":"PUT","path":"/v1.0/agents/{id}/permission","parameters":["id"]},
    direct_hash_regenerate: {"method":"POST","path":"/v1.0/agents/{id}/direct-hash-regenerate","parameters":["id"]},
    me: {"method":"GET","path":"/v1.0/me","parameters":[]},
    password_forgot: {"method":"POST","path":"/auth/password-forgot","parameters":[]},
    password_reset: {"method":"POST","path":"/auth/password-reset","parameters":[]},
  },
  available_number: {
    search: {"method":"GET","path":"/v1.0/available_numbers","parameters":[]},
  },
  number: {
    list: {"method":"GET","path":"/v1.0/numbers","parameters":[]},
    create: {"method":"POST","path":"/v1.0/numbers","parameters":[]},
    register: {"method":"POST","path":"/v1.0/numbers/register","parameters":[]},
    renew: {"method":"POST","path":"/v1.0/numbers/renew","parameters":[]},
    get: {"method":"GET","path":"/v1.0/numbers/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/numbers/{id}","parameters":["id"]},
    update_flow_ids: {"method":"PUT","path":"/v1.0/numbers/{id}/flow_ids","parameters":["id"]},
    update_metadata: {"method":"PUT","path":"/v1.0/numbers/{id}/metadata","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/numbers/{id}","parameters":["id"]},
  },
  number_pattern: {
    list: {"method":"GET","path":"/v1.0/number_patterns","parameters":[]},
    create: {"method":"POST","path":"/v1.0/number_patterns","parameters":[]},
    get: {"method":"GET","path":"/v1.0/number_patterns/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/number_patterns/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/number_patterns/{id}","parameters":["id"]},
  },
  extension: {
    list: {"method":"GET","path":"/v1.0/extensions","parameters":[]},
    create: {"method":"POST","path":"/v1.0/extensions","parameters":[]},
    get: {"method":"GET","path":"/v1.0/extensions/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/extensions/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/extensions/{id}","parameters":["id"]},
    direct_hash_regenerate: {"method":"POST","path":"/v1.0/extensions/{id}/direct-hash-regenerate","parameters":["id"]},
  },
  trunk: {
    list: {"method":"GET","path":"/v1.0/trunks","parameters":[]},
    create: {"method":"POST","path":"/v1.0/trunks","parameters":[]},
    get: {"method":"GET","path":"/v1.0/trunks/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/trunks/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/trunks/{id}","parameters":["id"]},
  },
  flow: {
    list: {"method":"GET","path":"/v1.0/flows","parameters":[]},
    create: {"method":"POST","path":"/v1.0/flows","parameters":[]},
    get: {"method":"GET","path":"/v1.0/flows/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/flows/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/flows/{id}","parameters":["id"]},
    direct_hash_regenerate: {"method":"POST","path":"/v1.0/flows/{id}/direct-hash-regenerate","parameters":["id"]},
    simulate: {"method":"POST","path":"/v1.0/flows/{id}/simulate","parameters":["id"]},
  },
  activeflow: {
    list: {"method":"GET","path":"/v1.0/activeflows","parameters":[]},
    create: {"method":"POST","path":"/v1.0/activeflows","parameters":[]},
    get: {"method":"GET","path":"/v1.0/activeflows/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/activeflows/{id}","parameters":["id"]},
    stop: {"method":"POST","path":"/v1.0/activeflows/{id}/stop","parameters":["id"]},
  },
  provider: {
    list: {"method":"GET","path":"/v1.0/providers","parameters":[]},
    create: {"method":"POST","path":"/v1.0/providers","parameters":[]},
    setup: {"method":"POST","path":"/v1.0/providers/setup","parameters":[]},
    get: {"method":"GET","path":"/v1.0/providers/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/providers/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/providers/{id}","parameters":["id"]},
  },
  route: {
    list: {"method":"GET","path":"/v1.0/routes","parameters":[]},
    create: {"method":"POST","path":"/v1.0/routes","parameters":[]},
    get: {"method":"GET","path":"/v1.0/routes/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/routes/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/routes/{id}","parameters":["id"]},
  },
  providercall: {
    list: {"method":"GET","path":"/v1.0/providercalls","parameters":[]},
    create: {"method":"POST","path":"/v1.0/providercalls","parameters":[]},
    get: {"method":"GET","path":"/v1.0/providercalls/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/providercalls/{id}","parameters":["id"]},
  },
  call: {
    list: {"method":"GET","path":"/v1.0/calls","parameters":[]},
    create: {"method":"POST","path":"/v1.0/calls","parameters":[]},
    get: {"method":"GET","path":"/v1.0/calls/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/calls/{id}","parameters":["id"]},
    hangup: {"method":"POST","path":"/v1.0/calls/{id}/hangup","parameters":["id"]},
    recording_start: {"method":"POST","path":"/v1.0/calls/{id}/recording_start","parameters":["id"]},
    recording_pause: {"method":"POST","path":"/v1.0/calls/{id}/recording_pause","parameters":["id"]},
    recording_resume: {"method":"POST","path":"/v1.0/calls/{id}/recording_resume","parameters":["id"]},
    recording_stop: {"method":"POST","path":"/v1.0/calls/{id}/recording_stop","parameters":["id"]},
    hold: {"method":"POST","path":"/v1.0/calls/{id}/hold","parameters":["id"]},
    unhold: {"method":"DELETE","path":"/v1.0/calls/{id}/hold","parameters":["id"]},
    moh_start: {"method":"POST","path":"/v1.0/calls/{id}/moh","parameters":["id"]},
    moh_stop: {"method":"DELETE","path":"/v1.0/calls/{id}/moh","parameters":["id"]},
    silence_start: {"method":"POST","path":"/v1.0/calls/{id}/silence","parameters":["id"]},
    silence_stop: {"method":"DELETE","path":"/v1.0/calls/{id}/silence","parameters":["id"]},
    mute: {"method":"POST","path":"/v1.0/calls/{id}/mute","parameters":["id"]},
    unmute: {"method":"DELETE","path":"/v1.0/calls/{id}/mute","parameters":["id"]},
    talk: {"method":"POST","path":"/v1.0/calls/{id}/talk","parameters":["id"]},
  },
  groupcall: {
    list: {"method":"GET","path":"/v1.0/groupcalls","parameters":[]},
    create: {"method":"POST","path":"/v1.0/groupcalls","parameters":[]},
    get: {"method":"GET","path":"/v1.0/groupcalls/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/groupcalls/{id}","parameters":["id"]},
    hangup: {"method":"POST","path":"/v1.0/groupcalls/{id}/hangup","parameters":["id"]},
  },
  recording: {
    list: {"method":"GET","path":"/v1.0/recordings","parameters":[]},
    get: {"method":"GET","path":"/v1.0/recordings/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/recordings/{id}","parameters":["id"]},
    file: {"method":"GET","path":"/v1.0/recordingfiles/{id}","parameters":["id"]},
  },
  outbound_config: {
    own: {"method":"GET","path":"/v1.0/outbound_config","parameters":[]},
    update_own: {"method":"PUT","path":"/v1.0/outbound_config","parameters":[]},
    list: {"method":"GET","path":"/v1.0/outbound_configs","parameters":[]},
    create: {"method":"POST","path":"/v1.0/outbound_configs","parameters":[]},
    get: {"method":"GET","path":"/v1.0/outbound_configs/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/outbound_configs/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/outbound_configs/{id}","parameters":["id"]},
  },
  billing_account: {
    own: {"method":"GET","path":"/v1.0/billing_account","parameters":[]},
    update_own: {"method":"PUT","path":"/v1.0/billing_account","parameters":[]},
    update_own_payment_info: {"method":"PUT","path":"/v1.0/billing_account/payment_info","parameters":[]},
    list: {"method":"GET","path":"/v1.0/billing_accounts","parameters":[]},
    get: {"method":"GET","path":"/v1.0/billing_accounts/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/billing_accounts/{id}","parameters":["id"]},
    update_payment_info: {"method":"PUT","path":"/v1.0/billing_accounts/{id}/payment_info","parameters":["id"]},
    update_plan_type: {"method":"PUT","path":"/v1.0/billing_accounts/{id}/plan_type","parameters":["id"]},
    balance_add_force: {"method":"POST","path":"/v1.0/billing_accounts/{id}/balance_add_force","parameters":["id"]},
    balance_subtract_force: {"method":"POST","path":"/v1.0/billing_accounts/{id}/balance_subtract_force","parameters":["id"]},
  },
  billing: {
    list: {"method":"GET","path":"/v1.0/billings","parameters":[]},
    get: {"method":"GET","path":"/v1.0/billings/{id}","parameters":["id"]},
  },
  billing_rate: {
    list: {"method":"GET","path":"/v1.0/billing_rates","parameters":[]},
    create: {"method":"POST","path":"/v1.0/billing_rates","parameters":[]},
    update: {"method":"PUT","path":"/v1.0/billing_rates/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/billing_rates/{id}","parameters":["id"]},
  },
  invoice: {
    list: {"method":"GET","path":"/v1.0/invoices","parameters":[]},
    get: {"method":"GET","path":"/v1.0/invoices/{id}","parameters":["id"]},
    file: {"method":"GET","path":"/v1.0/invoicefiles/{id}","parameters":["id"]},
  },
  payment: {
    checkout: {"method":"POST","path":"/v1.0/billing_account/checkout_session","parameters":[]},
    paddle_portal: {"method":"POST","path":"/v1.0/billing_account/paddle_portal_session","parameters":[]},
    stripe_portal: {"method":"POST","path":"/v1.0/billing_account/stripe_portal_session","parameters":[]},
  },
  storage_account: {
    own: {"method":"GET","path":"/v1.0/storage_account","parameters":[]},
    list: {"method":"GET","path":"/v1.0/storage_accounts","parameters":[]},
    create: {"method":"POST","path":"/v1.0/storage_accounts","parameters":[]},
    get: {"method":"GET","path":"/v1.0/storage_accounts/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/storage_accounts/{id}","parameters":["id"]},
  },
  storage_file: {
    list: {"method":"GET","path":"/v1.0/storage_files","parameters":[]},
    create: {"method":"POST","path":"/v1.0/storage_files","parameters":[],"upload":true},
    get: {"method":"GET","path":"/v1.0/storage_files/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/storage_files/{id}","parameters":["id"]},
    file: {"method":"GET","path":"/v1.0/storage_files/{id}/file","parameters":["id"]},
  },
  timeline: {
    list: {"method":"GET","path":"/v1.0/timelines/{resource_type}/{resource_id}/events","parameters":["resource_type","resource_id"]},
    aggregated: {"method":"GET","path":"/v1.0/aggregated-events","parameters":[]},
    get_retention: {"method":"GET","path":"/v1.0/timelines/retention","parameters":[]},
    update_retention: {"method":"PUT","path":"/v1.0/timelines/retention","parameters":[]},
  },
  sip_message: {
    analysis: {"method":"GET","path":"/v1.0/timelines/calls/{call_id}/sip-analysis","parameters":["call_id"]},
    pcap: {"method":"GET","path":"/v1.0/timelines/calls/{call_id}/pcap","parameters":["call_id"],"binary":true},
  },
  audit_log: {
    list: {"method":"GET","path":"/v1.0/audit_logs","parameters":[]},
    list_of: {"method":"GET","path":"/v1.0/customers/{customer_id}/audit_logs","parameters":["customer_id"]},
  },
  webhook_endpoint: {
    list: {"method":"GET","path":"/v1.0/webhook_endpoints","parameters":[]},
    create: {"method":"POST","path":"/v1.0/webhook_endpoints","parameters":[]},
    get: {"method":"GET","path":"/v1.0/webhook_endpoints/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/webhook_endpoints/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/webhook_endpoints/{id}","parameters":["id"]},
    rotate_secret: {"method":"POST","path":"/v1.0/webhook_endpoints/{id}/rotate_secret","parameters":["id"]},
    ping: {"method":"POST","path":"/v1.0/webhook_endpoints/{id}/ping","parameters":["id"]},
  },
  webhook_delivery: {
    list: {"method":"GET","path":"/v1.0/webhook_endpoints/{id}/deliveries","parameters":["id"]},
    replay: {"method":"POST","path":"/v1.0/webhook_endpoints/{id}/deliveries/{delivery_id}/replay","parameters":["id","delivery_id"]},
    replay_failed: {"method":"POST","path":"/v1.0/webhook_endpoints/{id}/replay_failed","parameters":["id"]},
  },
  tag: {
    list: {"method":"GET","path":"/v1.0/tags","parameters":[]},
    create: {"method":"POST","path":"/v1.0/tags","parameters":[]},
    get: {"method":"GET","path":"/v1.0/tags/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/tags/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/tags/{id}","parameters":["id"]},
  },
}
