// A process that publishes on its standard output, hangs at the third event, and is there to be killed.
import { pino } from 'pino'
import { openStore, startRelay } from '../src/index.ts'

const [target] = process.argv.slice(2)
const store = openStore(target!.startsWith('mysql:') ? { url: target } : { file: target })
let published = 0
startRelay({
  store,
  log: pino({ level: 'silent' }),
  async publish({ sequence }) {
    console.log(sequence)
    if (++published === 3) await new Promise(() => setInterval(() => {}, 1_000))
  },
})
