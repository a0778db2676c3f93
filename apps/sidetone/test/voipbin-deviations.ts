/** The parts of VoIPBIN's API that stand so far, by the first segment of their paths. */
export const families = [
  'accesskeys',
  'activeflows',
  'agents',
  'auth',
  'available_numbers',
  'billing_account',
  'billing_accounts',
  'billings',
  'calls',
  'customer',
  'customers',
  'extensions',
  'flows',
  'groupcalls',
  'me',
  'numbers',
  'outbound_config',
  'outbound_configs',
  'providercalls',
  'providers',
  'recordingfiles',
  'recordings',
  'routes',
  'storage_account',
  'storage_accounts',
  'storage_files',
  'tags',
  'timelines',
  'trunks',
  'ws',
]

const anotherWay = 'the access key goes where all requests carry it; the gateway takes `?accesskey=` everywhere'
const webSocket = 'a WebSocket, described in asyncapi.json'

/** Where we differ on purpose: operation → what is missing (`*`: and all that begins so) → why. */
export const deviations: Record<string, Record<string, string>> = {
  'POST /auth/signup': {
    'answer customer*': 'made once the address is verified (docs/adr/0010)',
    'answer accesskey*': 'made once the address is verified (docs/adr/0010)',
  },
  'POST /auth/boot': { 'answer resource_data*': 'how a web chat looks; comes with web chats' },
  'POST /auth/unregister': { 'query accesskey': anotherWay },
  'DELETE /auth/unregister': { 'query accesskey': anotherWay },
  'GET /auth/password-reset': { 'the operation': 'a page for a person, not for programs' },
  'GET /calls/{id}/media_stream': { 'the operation': webSocket },
  'GET /ws': { 'the operation': webSocket },
}

/** What answers have beyond VoIPBIN's, and its clients may overlook: operation → field → why. */
export const extensions: Record<string, Record<string, string>> = {
  'GET /providers/{id}': {
    register: 'carriers that know their customers by a registration alone',
    registration_status: 'how that goes',
    registration_detail: 'what the carrier said against it',
  },
}
