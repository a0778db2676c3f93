export { type HepCollector, startHepCollector } from './collector.ts'
