// Two people, and nothing but their keyboards: from the list of holds to an approved proposal, and Back keeps the filter.
//
//     node decide.mjs < {"chromium", "base", "links": [ofWhoProposes, ofWhoApproves], "list", "hold", "decision"}
//
// Writes one line of JSON: what was seen on the way.
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";

const {chromium} = createRequire(process.cwd() + "/")("playwright-core");
const told = JSON.parse(readFileSync(0, "utf8"));

// By Tab alone, as somebody does who has no pointer; and the place is seen.
async function tabTo(page, selector) {
	for (let i = 0; i < 150; i++) {
		await page.keyboard.press("Tab");
		const there = await page.evaluate(s => document.activeElement?.matches(s) && getComputedStyle(document.activeElement).outlineStyle !== "none", selector);
		if (there)
			return;
	}
	throw new Error(`no way to ${selector} by Tab on ${page.url()}`);
}

async function enter(page) {
	await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
}

async function logIn(browser, link) {
	const page = await (await browser.newContext()).newPage();
	await page.goto(told.base + link);
	await tabTo(page, "main button");
	await enter(page);
	return page;
}

const root = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({executablePath: told.chromium, args: [...root, "--disable-gpu", "--disable-dev-shm-usage", "--no-zygote"]});
try {
	const seen = {}, one = await logIn(browser, told.links[0]);
	await one.goto(told.base + told.list);
	await tabTo(one, `a[href="/holds/${told.hold}"]`);
	await enter(one);
	await one.goBack();
	seen.back = new URL(one.url()).pathname + new URL(one.url()).search;
	seen.filter = await one.locator("select[name=reason]").inputValue();
	await one.goForward();
	await tabTo(one, "select[name=decision]");
	await one.keyboard.type(told.decision);
	await tabTo(one, "textarea[name=why]");
	await one.keyboard.type("by keyboard");
	await tabTo(one, "input[name=accept_difference]");
	await one.keyboard.press("Space");
	await tabTo(one, "form.decide button");
	await enter(one);
	seen.proposal = new URL(one.url()).pathname;
	seen.own = await one.locator("main").innerText();
	const other = await logIn(browser, told.links[1]);
	await other.goto(told.base + "/proposals");
	await tabTo(other, `a[href="${seen.proposal}"]`);
	await enter(other);
	await tabTo(other, "button.good");
	await enter(other);
	seen.approved = await other.locator("main").innerText();
	console.log(JSON.stringify(seen));
} finally {
	await browser.close();
}
