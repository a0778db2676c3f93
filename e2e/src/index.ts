export { type Frame, openEvents } from './event-client.ts'
export * from './phone/index.ts'
export { type SidetoneProcess, startSidetone } from './sidetone.ts'
export { type ReceivedWebhook, startWebhookReceiver } from './webhook-receiver.ts'
