import { codecsOf, type PjsipObject } from '../call/endpoints.ts'
import { type AriContext, AriError, type AriRequest, NO_CONTENT, ok, type Routes } from './route.ts'

const PATH = '/asterisk/config/dynamic/:configClass/:objectType/:id'

const view = (object: PjsipObject) => [...object].map(([attribute, value]) => ({ attribute, value }))

/** The objects of a type; what is pushed lives as long as the switch. */
function objectsOf({ endpoints }: AriContext, { params }: AriRequest): Map<string, PjsipObject> {
  const { configClass, objectType = '' } = params
  if (configClass !== 'res_pjsip') throw new AriError(404, `configClass '${configClass}' not found`)
  const objects = endpoints.objects.get(objectType)
  if (!objects) throw new AriError(404, `objectType '${objectType}' not found`)
  return objects
}

function find(context: AriContext, request: AriRequest): PjsipObject {
  const { id = '' } = request.params
  const object = objectsOf(context, request).get(id)
  if (!object) throw new AriError(404, `Object with id '${id}' not found`)
  return object
}

function fieldsOf({ params, args }: AriRequest): PjsipObject {
  const fields: unknown[] = Array.isArray(args.fields) ? args.fields : []
  const object = new Map(
    fields.map((field) => {
      const { attribute, value } = Object(field) as Record<string, unknown>
      return [String(attribute), String(value)]
    }),
  )
  const allow = object.get('allow')
  if (allow !== undefined && codecsOf(allow).length === 0)
    throw new AriError(400, `Creation of object '${params.id}' failed field value validation`)
  return object
}

/** Registrations with carriers, which have a class of their own in Asterisk too. */
const REGISTRATION_PATH = '/asterisk/config/dynamic/res_pjsip_outbound_registration/registration/:id'

function registrationView({ registrations }: AriContext, { params }: AriRequest) {
  const object = registrations.view(params.id ?? '')
  if (!object) throw new AriError(404, `Object with id '${params.id}' not found`)
  return ok(view(object))
}

const registrationRoutes: Routes = {
  [`GET ${REGISTRATION_PATH}`]: registrationView,
  [`PUT ${REGISTRATION_PATH}`]: (context, request) => {
    const { id = '' } = request.params
    if (!context.registrations.set(id, fieldsOf(request)))
      throw new AriError(400, `Creation of object '${id}' failed field value validation`)
    return registrationView(context, request)
  },
  [`DELETE ${REGISTRATION_PATH}`]: ({ registrations }, { params }) => {
    const { id = '' } = params
    if (!registrations.remove(id)) throw new AriError(404, `Object with id '${id}' not found`)
    return NO_CONTENT
  },
}

export const configRoutes: Routes = {
  ...registrationRoutes,
  [`GET ${PATH}`]: (context, request) => ok(view(find(context, request))),
  [`PUT ${PATH}`]: (context, request) => {
    const object = fieldsOf(request)
    objectsOf(context, request).set(request.params.id ?? '', object)
    return ok(view(object))
  },
  [`DELETE ${PATH}`]: (context, request) => {
    find(context, request)
    objectsOf(context, request).delete(request.params.id ?? '')
    return NO_CONTENT
  },
}
