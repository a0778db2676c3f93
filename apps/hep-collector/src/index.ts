export { type HepCollector, hepKey, startHepCollector } from './collector.ts'
