import { randomUUID } from 'node:crypto'
import type { ActionInput } from '@sidetone/proto-schemas/action'

type Actions = Partial<ActionInput> & Pick<ActionInput, 'type'>

/** Greets, asks for a digit, and goes where it says: 1 speaks, 2 records and connects to extension 1000, 3 echoes. */
export function demoActions(): Actions[] {
  const [menu, hello, connect, echo, wrong] = Array.from({ length: 5 }, () => randomUUID()) as [
    string,
    string,
    string,
    string,
    string,
  ]
  const talk = (text: string): Actions => ({ type: 'talk', option: { text, language: 'en-US', digits_handle: 'next' } })
  const again: Actions = { type: 'goto', option: { target_id: menu, loop_count: 100 } }
  return [
    { type: 'answer' },
    { ...talk('Welcome to Sidetone. Press 1 for a greeting, 2 to reach extension 1000, or 3 for an echo.'), id: menu },
    { type: 'digits_receive', option: { duration: 10_000, length: 1 } },
    { type: 'branch', option: { default_target_id: wrong, target_ids: { 1: hello, 2: connect, 3: echo } } },
    { ...talk('Hello. This call runs on your own machine.'), id: hello },
    again,
    {
      id: connect,
      type: 'connect',
      option: { destinations: [{ type: 'extension', target: '1000', target_name: '1000' }] },
    },
    again,
    { id: echo, type: 'echo', option: { duration: 60_000 } },
    again,
    { ...talk('Please press 1, 2 or 3.'), id: wrong },
    again,
    { type: 'hangup' },
  ]
}

/** Says what it does, then returns what it hears for three minutes. */
export const echoActions = (): Actions[] => [
  { type: 'answer' },
  { type: 'beep' },
  { type: 'echo', option: { duration: 180_000 } },
  { type: 'hangup' },
]
