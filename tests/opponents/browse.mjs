// Walks the pages with a real browser, as the people that it is told of, and writes down what is not right.
//
//     node browse.mjs < {"chromium", "base", "people": [{"name", "link", "pages": [...], "axe"}], "looks": [[[width, height], scheme, media]],
//                        "again": [paths that are seen in each, not in the first look alone], "file": to be tried on /try, "screens"}
//
// One line of JSON for each page: person, path, status, width, scheme, wide (the page is wider than the screen, and what makes it so),
// axe (violations), html (errors of html-validate), console (what the browser complained of).
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";

const require = createRequire(process.cwd() + "/");
const {chromium} = require("playwright-core");
const {HtmlValidate, StaticConfigLoader} = require("html-validate");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const told = JSON.parse(readFileSync(0, "utf8"));
// how a page is written down, not what it is
const STYLE = {"doctype-style": "off", "no-trailing-whitespace": "off", "void-style": "off", "no-inline-style": "off", "long-title": "off",
	"form-dup-name": ["error", {shared: ["radio", "button", "reset", "submit", "checkbox"]}]};
const html = new HtmlValidate(new StaticConfigLoader({root: true, extends: ["html-validate:recommended"], rules: STYLE}));

async function violations(page) {
	await page.evaluate(axe);
	return page.evaluate(async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.flatMap(v =>
		v.nodes.slice(0, 3).map(n => `${v.id}: ${n.target.join(" ")}: ${n.html.slice(0, 160)}`)));
}

// What sticks out of the screen, but for what may be scrolled by itself; on paper nothing is scrolled.
const tooWide = paper => !paper && document.documentElement.scrollWidth <= innerWidth ? [] :
	[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && (paper || !e.closest(".scroll")))
		.slice(0, 3).map(e => `${e.tagName} ${e.className} ${Math.round(e.getBoundingClientRect().right)} > ${innerWidth}`);

async function look(page, who, path, [size, scheme, media], checks) {
	const complaints = [], heard = m => ["error", "warning"].includes(m.type()) && complaints.push(m.text());
	page.on("console", heard);
	await page.setViewportSize({width: size[0], height: size[1]});
	await page.emulateMedia({colorScheme: scheme, media: media ?? "screen"});
	let answer = await page.goto(told.base + path);
	if (path === "/try" && told.file) { // what becomes of a file that somebody chooses
		await page.setInputFiles("input[type=file]", told.file);
		[answer] = await Promise.all([page.waitForNavigation(), page.click("form.try button")]);
	}
	const found = {person: who, path, status: answer.status(), width: size[0], scheme, media, wide: await page.evaluate(tooWide, media === "print"),
		injected: await page.evaluate(() => window.injected ?? null), axe: [], html: []};
	if (checks.axe && media !== "print")
		found.axe = await violations(page);
	if (checks.html)
		found.html = (await html.validateString(await answer.text(), "page.html")).results.flatMap(r => r.messages)
			.map(m => `${m.ruleId}: ${m.message} (${m.line}:${m.column})`);
	if (told.screens)
		await page.screenshot({path: `${told.screens}/${who}-${path.replace(/[^a-z0-9]+/gi, "_")}-${size[0]}-${media ?? scheme}.png`, fullPage: true});
	page.off("console", heard);
	found.console = complaints;
	console.log(JSON.stringify(found));
}

const root = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({executablePath: told.chromium, args: [...root, "--disable-gpu", "--disable-dev-shm-usage", "--no-zygote"]});
try {
	for (const person of told.people) {
		const context = await browser.newContext(), page = await context.newPage();
		page.on("dialog", d => d.dismiss());
		await page.goto(told.base + person.link);
		await page.click("main button");
		await page.waitForURL(told.base + "/");
		for (const path of person.pages)
			for (const [i, look_of] of told.looks.entries())
				if (i === 0 || told.again.includes(path))
					await look(page, person.name, path, look_of, {axe: person.axe, html: person.axe && i === 0});
		await context.close();
	}
} finally {
	await browser.close();
}
