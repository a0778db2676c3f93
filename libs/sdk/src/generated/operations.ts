// Generated from the contracts by `npm run generate`. Do not edit.
import type { Method, OperationRow } from '../client.ts'

export type Accesskey = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; token?: string; token_prefix: string; tm_expire: string | null }

export type Action = { id: string; next_id: string; error_id?: string; type: string; option: Record<string, unknown>; tm_execute: string | null }

export type Activeflow = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; flow_id: string; status: "" | "running" | "ended"; reference_type: "" | "ai" | "api" | "call" | "campaign" | "conversation" | "transcribe" | "recording" | "webchat"; reference_id: string; reference_activeflow_id: string; on_complete_flow_id: string; webhook_uri: string; webhook_method: "" | "POST" | "GET" | "PUT" | "DELETE"; current_action: Action; forward_action_id: string; executed_actions: Array<Action>; error: string }

export type Address = { type: "" | "agent" | "conference" | "email" | "extension" | "line" | "sip" | "tel" | "web_session"; target: string; target_name: string; name: string; detail: string }

export type Agent = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; username: string; name: string; detail: string; ring_method: "ringall" | "linear"; status: "" | "available" | "away" | "busy" | "offline" | "ringing"; permission: number; tag_ids: Array<string>; addresses: Array<Address>; direct_hash: string }

export type Call = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; owner_type: "" | "agent"; owner_id: string; flow_id: string; activeflow_id: string; type: "" | "flow" | "conference" | "sip-service"; master_call_id: string; chained_call_ids: Array<string>; recording_id: string; recording_ids: Array<string>; groupcall_id: string; source: Address; destination: Address; status: "dialing" | "ringing" | "progressing" | "terminating" | "canceling" | "hangup"; action: Action; direction: "incoming" | "outgoing"; mute_direction: "" | "both" | "out" | "in"; hangup_by: "" | "remote" | "local"; hangup_reason: "" | "normal" | "failed" | "busy" | "cancel" | "timeout" | "noanswer" | "dialout" | "amd"; metadata: Record<string, unknown>; tm_ringing: string | null; tm_progressing: string | null; tm_hangup: string | null }

export type Customer = { id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; email: string; phone_number: string; address: string; webhook_method: "" | "POST" | "GET" | "PUT" | "DELETE"; webhook_uri: string; billing_account_id: string; metadata: { rtp_debug: boolean }; email_verified: boolean; status: "initial" | "active" | "frozen" | "deleted" | "expired"; identity_verification_status: "none" | "pending" | "verified" | "rejected"; tm_deletion_scheduled: string | null }

export type Extension = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; extension: string; domain_name: string; username: string; password: string; direct_hash: string }

export type File = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; owner_type: "" | "agent"; owner_id: string; reference_type: "" | "normal" | "recording"; reference_id: string; type: "" | "rag" | "talk" | "recording"; name: string; detail: string; filename: string; filesize: number; uri_download: string; tm_download_expire: string | null }

export type Flow = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; type: "flow" | "conference" | "queue" | "campaign" | "transfer"; name: string; detail: string; actions: Array<Action>; direct_hash: string; on_complete_flow_id: string }

export type Number = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; number: string; type: "normal" | "virtual"; call_flow_id: string; message_flow_id: string; name: string; detail: string; status: "active" | "deleted"; t38_enabled: boolean; emergency_enabled: boolean; metadata: { rtp_debug: boolean }; tm_purchase: string | null; tm_renew: string | null }

export type OwnCustomer = { id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string; email: string; phone_number: string; address: string; webhook_method: "" | "POST" | "GET" | "PUT" | "DELETE"; webhook_uri: string; webhook_secret: string; billing_account_id: string; metadata: { rtp_debug: boolean }; email_verified: boolean; status: "initial" | "active" | "frozen" | "deleted" | "expired"; identity_verification_status: "none" | "pending" | "verified" | "rejected"; tm_deletion_scheduled: string | null }

export type Recording = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; owner_type: "" | "agent"; owner_id: string; activeflow_id: string; reference_type: "call" | "confbridge"; reference_id: string; status: "initiating" | "recording" | "stopping" | "ended"; format: "wav"; on_end_flow_id: string; tm_start: string | null; tm_end: string | null; uri_download: string; filesize: number; sha256: string }

export type Tag = { id: string; customer_id: string; tm_create: string; tm_update: string | null; tm_delete: string | null; name: string; detail: string }

export interface Operations {
  session: {
    /** Log in; the token goes into `Authorization: Bearer` (or `?token=`) of every request */
    login: Method<{ username: string; password: string }, { username: string; token: string }>
  }
  customer: {
    /** Get your own customer */
    own: Method<Record<string, unknown>, OwnCustomer>
    /** Replace your own customer */
    update_own: Method<{ name: string; detail?: string; email: string; phone_number?: string; address?: string; webhook_method?: "" | "POST" | "GET" | "PUT" | "DELETE"; webhook_uri?: string }, Customer>
    /** List all customers */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Customer>; next_page_token: string }>
    /** Create a customer */
    create: Method<{ name: string; detail?: string; email: string; phone_number?: string; address?: string; webhook_method?: "" | "POST" | "GET" | "PUT" | "DELETE"; webhook_uri?: string; id?: string }, Customer>
    /** Get a customer */
    get: Method<{ id: string }, Customer>
    /** Delete a customer with everything it has */
    delete: Method<{ id: string }, Customer>
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
    /** Set the password */
    update_password: Method<{ id: string; password: string }, Agent>
    /** Set the permission bits */
    update_permission: Method<{ id: string; permission: number }, Agent>
    /** Get the agent you are logged in as */
    me: Method<Record<string, unknown>, Agent>
  }
  number: {
    /** List numbers */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Number>; next_page_token: string }>
    /** Add a number */
    create: Method<{ call_flow_id?: string; message_flow_id?: string; name?: string; detail?: string; number: string; type?: "normal" | "virtual" }, Number>
    /** Get a number */
    get: Method<{ id: string }, Number>
    /** Replace flows, name and detail */
    update: Method<{ id: string; call_flow_id?: string; message_flow_id?: string; name?: string; detail?: string }, Number>
    /** Replace the flows */
    update_flow_ids: Method<{ id: string; call_flow_id?: string; message_flow_id?: string }, Number>
    /** Release a number */
    delete: Method<{ id: string }, Number>
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
  }
  flow: {
    /** List flows */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Flow>; next_page_token: string }>
    /** Create a flow */
    create: Method<{ name: string; detail?: string; actions: Array<{ id?: string; next_id?: string; error_id?: string; type: string; option?: Record<string, unknown>; tm_execute?: string | null }>; on_complete_flow_id?: string }, Flow>
    /** Get a flow */
    get: Method<{ id: string }, Flow>
    /** Replace a flow */
    update: Method<{ id: string; name: string; detail?: string; actions: Array<{ id?: string; next_id?: string; error_id?: string; type: string; option?: Record<string, unknown>; tm_execute?: string | null }>; on_complete_flow_id?: string }, Flow>
    /** Delete a flow */
    delete: Method<{ id: string }, Flow>
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
  call: {
    /** List calls */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<Call>; next_page_token: string }>
    /** Call the destinations and run a flow on each that answers */
    create: Method<{ flow_id?: string; actions?: Array<{ id?: string; next_id?: string; error_id?: string; type: string; option?: Record<string, unknown>; tm_execute?: string | null }>; source?: Address; destinations: Array<Address>; anonymous?: "yes" | "no" | "auto"; variables?: Record<string, string> }, { calls: Array<Call>; groupcalls: Array<{ id: string }> }>
    /** Get a call */
    get: Method<{ id: string }, Call>
    /** Hang up, if need be, and delete */
    delete: Method<{ id: string }, Call>
    /** Hang up */
    hangup: Method<{ id: string }, Call>
    /** Start recording */
    recording_start: Method<{ id: string; format?: "wav"; end_of_silence?: number; end_of_key?: "" | "none" | "any" | "*" | "#"; duration?: number; beep_start?: boolean; on_end_flow_id?: string }, Call>
    /** Stop recording */
    recording_stop: Method<{ id: string }, Call>
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
  storage_file: {
    /** List files */
    list: Method<{ page_size?: number; page_token?: string }, { result: Array<File>; next_page_token: string }>
    /** Get a file */
    get: Method<{ id: string }, File>
    /** Delete a file */
    delete: Method<{ id: string }, File>
    /** Get the bytes of a file (307 to a signed address) */
    file: Method<{ id: string }, { location: string }>
  }
  timeline: {
    /** List what happened to a resource */
    list: Method<{ page_size?: number; page_token?: string; resource_type: "calls" | "conferences" | "flows" | "activeflows" | "recordings" | "numbers" | "agents" | "tags"; resource_id: string }, { result: Array<{ timestamp: string; event_type: string; data: unknown }>; next_page_token: string }>
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
    login: {"method":"POST","path":"/auth/login","parameters":[]},
  },
  customer: {
    own: {"method":"GET","path":"/v1.0/customer","parameters":[]},
    update_own: {"method":"PUT","path":"/v1.0/customer","parameters":[]},
    list: {"method":"GET","path":"/v1.0/customers","parameters":[]},
    create: {"method":"POST","path":"/v1.0/customers","parameters":[]},
    get: {"method":"GET","path":"/v1.0/customers/{id}","parameters":["id"]},
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
    me: {"method":"GET","path":"/v1.0/me","parameters":[]},
  },
  number: {
    list: {"method":"GET","path":"/v1.0/numbers","parameters":[]},
    create: {"method":"POST","path":"/v1.0/numbers","parameters":[]},
    get: {"method":"GET","path":"/v1.0/numbers/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/numbers/{id}","parameters":["id"]},
    update_flow_ids: {"method":"PUT","path":"/v1.0/numbers/{id}/flow_ids","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/numbers/{id}","parameters":["id"]},
  },
  extension: {
    list: {"method":"GET","path":"/v1.0/extensions","parameters":[]},
    create: {"method":"POST","path":"/v1.0/extensions","parameters":[]},
    get: {"method":"GET","path":"/v1.0/extensions/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/extensions/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/extensions/{id}","parameters":["id"]},
  },
  flow: {
    list: {"method":"GET","path":"/v1.0/flows","parameters":[]},
    create: {"method":"POST","path":"/v1.0/flows","parameters":[]},
    get: {"method":"GET","path":"/v1.0/flows/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/flows/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/flows/{id}","parameters":["id"]},
  },
  activeflow: {
    list: {"method":"GET","path":"/v1.0/activeflows","parameters":[]},
    create: {"method":"POST","path":"/v1.0/activeflows","parameters":[]},
    get: {"method":"GET","path":"/v1.0/activeflows/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/activeflows/{id}","parameters":["id"]},
    stop: {"method":"POST","path":"/v1.0/activeflows/{id}/stop","parameters":["id"]},
  },
  call: {
    list: {"method":"GET","path":"/v1.0/calls","parameters":[]},
    create: {"method":"POST","path":"/v1.0/calls","parameters":[]},
    get: {"method":"GET","path":"/v1.0/calls/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/calls/{id}","parameters":["id"]},
    hangup: {"method":"POST","path":"/v1.0/calls/{id}/hangup","parameters":["id"]},
    recording_start: {"method":"POST","path":"/v1.0/calls/{id}/recording_start","parameters":["id"]},
    recording_stop: {"method":"POST","path":"/v1.0/calls/{id}/recording_stop","parameters":["id"]},
  },
  recording: {
    list: {"method":"GET","path":"/v1.0/recordings","parameters":[]},
    get: {"method":"GET","path":"/v1.0/recordings/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/recordings/{id}","parameters":["id"]},
    file: {"method":"GET","path":"/v1.0/recordingfiles/{id}","parameters":["id"]},
  },
  storage_file: {
    list: {"method":"GET","path":"/v1.0/storage_files","parameters":[]},
    get: {"method":"GET","path":"/v1.0/storage_files/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/storage_files/{id}","parameters":["id"]},
    file: {"method":"GET","path":"/v1.0/storage_files/{id}/file","parameters":["id"]},
  },
  timeline: {
    list: {"method":"GET","path":"/v1.0/timelines/{resource_type}/{resource_id}/events","parameters":["resource_type","resource_id"]},
  },
  tag: {
    list: {"method":"GET","path":"/v1.0/tags","parameters":[]},
    create: {"method":"POST","path":"/v1.0/tags","parameters":[]},
    get: {"method":"GET","path":"/v1.0/tags/{id}","parameters":["id"]},
    update: {"method":"PUT","path":"/v1.0/tags/{id}","parameters":["id"]},
    delete: {"method":"DELETE","path":"/v1.0/tags/{id}","parameters":["id"]},
  },
}
