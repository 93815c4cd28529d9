/* What tells of objects: JSON, XML, or a file. */
#include "lib/connector/connector_internal.h"

char *
connector_body(const struct connector *connector, enum connector_kind kind, const struct json *const *objects,
               size_t count, char *why, size_t why_size)
{
	const struct connector_object *o = &connector->object[kind];

	if (o->file != NULL)
		return connector_file(connector, kind, objects, count, why, why_size);
	if (o->xml != NULL)
		return connector_compose_xml(o->xml, objects[0], why, why_size);
	return connector_compose(o, objects, count, why, why_size);
}
