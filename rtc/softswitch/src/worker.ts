import { parentPort, workerData } from 'node:worker_threads'
import { createLookup } from './lookup.ts'
import type { FromWorker, ToWorker, WorkerInput } from './protocol.ts'
import { startSwitch } from './switch.ts'
import { setThreadPriority } from './thread-priority.ts'

const port = parentPort
if (!port) throw new Error('worker.ts runs as a worker thread; call startSoftswitch')
setThreadPriority('first')
const send = (message: FromWorker) => port.postMessage(message)
const { config, registrations } = workerData as WorkerInput
const { lookup, answered, forget } = createLookup((id, who) => send({ type: 'lookup', id, who }))

// A failed start rejects here, which ends the thread with the error: the parent hears it.
const running = await startSwitch(
  config,
  {
    lookup,
    onRegistration: (registration) => send({ type: 'registration', registration }),
    log: (entry) => send({ type: 'log', ...entry }),
  },
  registrations,
)

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'account':
      return answered(message)
    case 'accounts_changed':
      forget()
      return message.gone && running.unregister(message.gone)
    case 'metrics':
      return send({ type: 'metrics', id: message.id, metrics: running.metrics() })
    case 'close':
      void running.close().then(() => {
        send({ type: 'closed' })
        port.close()
      })
  }
})
const { sipPort, sipTlsPort, sipWsPort, ariPort } = running
send({ type: 'ready', sipPort, sipTlsPort, sipWsPort, ariPort })
