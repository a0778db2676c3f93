export { digestHa1 } from './digest-ha1.ts'
export { hashPassword, PasswordsBusy, verifyPassword } from './passwords.ts'
export { createSecrets, parseKeys, type SecretKeys, type Secrets, SecretUnreadable } from './secrets.ts'
export { randomToken, safeEqual, sha256Hex } from './tokens.ts'
