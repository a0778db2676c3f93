import type { z } from 'zod'
import { type ApiError, commonError, type ErrorDetail } from './errors.ts'

/** Turns what zod found into an error that names each field and what would be right. */
export function invalidArgument(error: z.ZodError): ApiError {
  const details = error.issues.flatMap(detailsOf).slice(0, 20)
  const [first] = details
  return commonError('INVALID_ARGUMENT', { message: `${first?.field}: ${first?.problem}`, details })
}

interface FieldProblem extends ErrorDetail {
  field: string
  problem: string
}

function detailsOf(issue: z.core.$ZodIssue): FieldProblem[] {
  const at = (path: PropertyKey[]) => path.map(String).join('.') || 'body'
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: at([...issue.path, key]), problem: 'unknown field; remove it' }))
  }
  if (issue.code === 'invalid_type' && issue.input === undefined) {
    return [{ field: at(issue.path), problem: `is required (${issue.expected})` }]
  }
  return [{ field: at(issue.path), problem: issue.message }]
}
