export { type Mailbox, startMailbox } from './mailbox.ts'
export { scripted } from './scripted.ts'
export { findService } from './services.ts'
export { adminOf, someId, startTestPlatform, type TestPlatform } from './test-platform.ts'
