/** Where the requests for a manager wait. */
export const requestQueue = (manager: string): string => `${manager}.request`
/** Where the events for a subscriber wait. */
export const eventQueue = (subscriber: string): string => `${subscriber}.events`
/** Where the events rest that a subscriber could not handle. */
export const deadLetterQueue = (subscriber: string): string => `${subscriber}.events.dead`
/** The topic exchange that all events pass. */
export const eventExchange = 'events'
/** The routing key of an event, and what matches all events of a type. */
export const routingKeyOf = ({ resource, type }: { resource: string; type: string }): string => `${resource}.${type}`
export const bindingKeyOf = (type: string): string => `*.${type}`
