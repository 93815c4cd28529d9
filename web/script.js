// All that our pages run; each works without it. The page of today is read again every minute, unless somebody is at it.
"use strict";
if (location.pathname === "/") {
	setInterval(() => {
		const at = document.activeElement;
		if (document.visibilityState === "visible" && (at === null || at === document.body))
			location.reload();
	}, 60000);
}
