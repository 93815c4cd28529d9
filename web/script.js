// All that our pages run; each works without it. The page of today is read again every minute, unless somebody is at it.
"use strict";
if (location.pathname === "/") {
	setInterval(() => {
		const at = document.activeElement;
		if (document.visibilityState === "visible" && (at === null || at === document.body))
			location.reload();
	}, 60000);
}

// The boxes of a list: how many are ticked, and all of them at once.
const pick = document.getElementById("pick");
if (pick !== null) {
	const boxes = [...document.querySelectorAll("input[type=checkbox][form=pick]")];
	const button = pick.querySelector("button[value=ticked]"), words = button.textContent;
	const all = document.createElement("input"), label = document.createElement("label");
	const count = () => {
		const ticked = boxes.filter(box => box.checked).length;
		button.textContent = `${words}: ${ticked}`;
		button.disabled = ticked === 0;
		all.checked = ticked === boxes.length;
	};
	all.type = "checkbox";
	all.addEventListener("change", () => {
		boxes.forEach(box => { box.checked = all.checked; });
		count();
	});
	label.append(all, " all of this page");
	pick.append(label);
	boxes.forEach(box => box.addEventListener("change", count));
	addEventListener("pageshow", count);
	count();
}
