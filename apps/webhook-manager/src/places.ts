const manyPlaces = 16
/** For a receiver whose last delivery failed: one that hangs holds a place for as long as we wait. */
const fewPlaces = 2
const comeAgainMs = 250
const spacingMs = 5

interface Receiver {
  busy: number
  failing: boolean
  /** When the next one that is sent away may come again: they form a line. */
  nextMs: number
}

/** Shares out how many deliveries are under way, so that a receiver that hangs does not stop the deliveries to others. */
export function createPlaces() {
  const receivers = new Map<string, Receiver>()

  /** A place, to be given back with whether the delivery was taken; or, when none is free, the time to come again. */
  return function take(name: string): ((taken: boolean) => void) | Date {
    const receiver = receivers.get(name) ?? { busy: 0, failing: false, nextMs: 0 }
    receivers.set(name, receiver)
    if (receiver.busy >= (receiver.failing ? fewPlaces : manyPlaces)) {
      receiver.nextMs = Math.max(receiver.nextMs + spacingMs, Date.now() + comeAgainMs)
      return new Date(receiver.nextMs)
    }
    receiver.busy += 1
    return (taken) => {
      receiver.busy -= 1
      receiver.failing = !taken
      if (receiver.busy === 0 && taken) receivers.delete(name)
    }
  }
}
