import { type Handlers, internalIdentity, nilId, type Scope } from '@sidetone/contract'
import type { callContract } from '@sidetone/proto-schemas/call'
import { newId } from '@sidetone/store'
import { callControls } from './call-controls.ts'
import type { Core } from './core.ts'
import { createCalls, dialCalls } from './create-calls.ts'
import { deleteRecording, pauseRecording, startRecording, stopRecording } from './recordings.ts'
import { Refusal } from './refusal.ts'

export function callHandlers(core: Core): Handlers<typeof callContract>['call'] {
  const { store, calls } = core

  async function found(scope: Scope, id: string, fail: (reason: 'CALL_NOT_FOUND') => Error) {
    const call = await calls.find(store, scope, id)
    if (!call) throw fail('CALL_NOT_FOUND')
    return call
  }

  async function pause(
    scope: Scope,
    id: string,
    fail: (reason: 'CALL_NOT_FOUND' | 'RECORDING_NOT_ACTIVE') => Error,
    paused: boolean,
  ) {
    const call = await found(scope, id, fail)
    if (call.recording_id === nilId) throw fail('RECORDING_NOT_ACTIVE')
    await pauseRecording(core, call.recording_id, paused)
    return call
  }

  return {
    list: (query, { customer_id }) => calls.page(store, customer_id, query),
    create: createCalls(core),
    dial: dialCalls(core),
    ...callControls(core),
    get: ({ id }, { scope, fail }) => found(scope, id, fail),

    async delete({ id }, { scope, fail }) {
      await found(scope, id, fail)
      // A call that lives is deleted when it has ended: its end is announced all the same.
      const marked = await core.change(id, (call) =>
        call.status === 'hangup' || call.delete_at_end ? undefined : { call: { ...call, delete_at_end: true } },
      )
      if (marked) {
        await core.apply(id, { type: 'hang_up', cause: 16 })
        return (await calls.find(store, scope, id)) ?? marked
      }
      return store.transaction(async (tx) => {
        const deleted = await calls.softDelete(tx, scope, id)
        if (!deleted) throw fail('CALL_NOT_FOUND')
        await core.emit(tx, 'call', 'deleted', deleted)
        return deleted
      })
    },

    async hangup({ id }, { scope, fail }) {
      const { status } = await found(scope, id, fail)
      if (status === 'hangup') throw fail('CALL_ALREADY_HANGUP')
      await core.apply(id, { type: 'hang_up', cause: 16 })
      return found(scope, id, fail)
    },

    async recording_start({ id, beep_start, ...options }, { scope, fail }) {
      const { status, recording_id, asterisk_id, channel_id } = await found(scope, id, fail)
      if (recording_id !== nilId) throw fail('RECORDING_ALREADY_ACTIVE')
      if (beep_start && status === 'progressing')
        await core.ari(asterisk_id).play(channel_id, `beep-${newId()}`, 'sound:beep')
      const call = await startRecording(core, id, options).catch((error: unknown) => {
        throw error instanceof Refusal ? fail('BALANCE_INSUFFICIENT', { message: error.message }) : error
      })
      if (!call) throw fail('CALL_STATE_INVALID', { message: 'Only an answered call can be recorded.' })
      return call
    },

    recording_pause: ({ id }, { scope, fail }) => pause(scope, id, fail, true),
    recording_resume: ({ id }, { scope, fail }) => pause(scope, id, fail, false),

    async recording_stop({ id }, { scope, fail }) {
      const { recording_id } = await found(scope, id, fail)
      if (recording_id === nilId) throw fail('RECORDING_NOT_ACTIVE')
      await stopRecording(core, recording_id)
      return found(scope, id, fail)
    },
  }
}

export function recordingHandlers(core: Core): Handlers<typeof callContract>['recording'] {
  const { store, recordings } = core
  const storage = core.managers.storage.storage_file

  return {
    list: (query, { customer_id }) => recordings.page(store, customer_id, query),

    async get({ id }, { scope, fail }) {
      const recording = await recordings.find(store, scope, id)
      if (!recording) throw fail('RECORDING_NOT_FOUND')
      return recording
    },

    async delete({ id }, { scope, fail }) {
      const deleted = await deleteRecording(core, scope, id)
      if (!deleted) throw fail('RECORDING_NOT_FOUND')
      return deleted
    },

    async file({ id }, { scope, fail }) {
      const recording = await recordings.find(store, scope, id)
      if (!recording) throw fail('RECORDING_NOT_FOUND')
      if (recording.filesize === 0) throw fail('RECORDING_NOT_READY')
      return storage.file({ id: recording.file_id }, { identity: internalIdentity(recording.customer_id) })
    },
  }
}
