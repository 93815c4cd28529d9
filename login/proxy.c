/* A proxy says who somebody is: by one header, over a connection that is the proxy's. */
#include "login/login.h"

void
proxy_visit(struct visit *v)
{
	const struct config_login *login = &v->login->config->login;
	struct voucher voucher = {.way = "proxy", .roles = "{operator,finance}"};
	bool many = false;

	if (login->proxy_header == NULL) {
		visit_page(v, 404, "Nobody logs in here by a proxy.");
		return;
	}
	voucher.name = visit_header(v, login->proxy_header, &many);
	if (many)
		visit_page(v, 400, "The proxy says twice who you are, and is not believed.");
	else if (voucher.name == NULL || voucher.name[0] == '\0')
		visit_page(v, 403, "The proxy does not say who you are: log in there first.");
	else
		link_give(v, &voucher);
}
