// Answers questions by clicks from the page of today, and nothing else; takes a picture of each answer where it is told a folder.
//
//     node clicks.mjs < {"chromium", "base", "link", "questions": [{"name", "clicks": [names of links]}], "pictures"}
//
// One line of JSON for each question: name, where it ended, and what stands there.
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";

const {chromium} = createRequire(process.cwd() + "/")("playwright-core");
const told = JSON.parse(readFileSync(0, "utf8"));
const root = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({executablePath: told.chromium, args: [...root, "--disable-gpu", "--disable-dev-shm-usage", "--no-zygote"]});
try {
	const page = await browser.newPage({viewport: {width: 1280, height: 720}, colorScheme: "light"});
	await page.goto(told.base + told.link);
	await page.click("main button");
	await page.waitForURL(told.base + "/");
	for (const question of told.questions) {
		await page.goto(told.base + "/");
		for (const name of question.clicks) {
			await page.getByRole("link", {name, exact: true}).first().click();
			await page.waitForLoadState("load");
		}
		console.log(JSON.stringify({name: question.name, path: new URL(page.url()).pathname, text: await page.locator("main").innerText()}));
		if (told.pictures)
			await page.screenshot({path: `${told.pictures}/${question.name}.png`});
	}
} finally {
	await browser.close();
}
