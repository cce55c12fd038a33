/** Whether the database was away or threw us out, and not of another opinion: what was asked may be asked again. */
export { isTransient as isWeather } from '../store/sqlstate.ts'
