import { explainError } from '../store/explain-error.ts'

/** What the work comes to; where the database says something that can be said better, that as the error. */
export async function explained<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw explainError(error)
  }
}
