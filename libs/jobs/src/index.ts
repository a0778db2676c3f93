export { JobAbandoned, NotYet, RetryAt } from './errors.ts'
export { createJobs, type EnqueueOptions, type JobContext, type JobDefinition, type Jobs } from './jobs.ts'
export { jobMigrations } from './migrations.ts'
