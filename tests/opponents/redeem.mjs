// A member with a real browser: taps Redeem, lands in the shop, buys two vouchers, and looks again when one of them came to nothing.
//
//     node redeem.mjs < {"chromium", "app", "unfulfilled", "finance": {"base", "link", "report"}}
//
// A line on its output that says "unfulfilled" has the test cancel the second voucher; a line on its input says that it is done.
// Its last line is JSON: what was seen on the way.
import {createRequire} from "node:module";
import {createInterface} from "node:readline";

const {chromium} = createRequire(process.cwd() + "/")("playwright-core");
const lines = createInterface({input: process.stdin})[Symbol.asyncIterator]();
const told = JSON.parse((await lines.next()).value);

async function press(page, selector) {
	await Promise.all([page.waitForNavigation(), page.click(selector)]);
}

async function buy(page, voucher) {
	await press(page, `#${voucher}`);
	const order = {status: await page.innerText("#status"), balance: await page.innerText("#balance"), reference: await page.innerText("#reference")};
	await press(page, "text=Go on");
	return order;
}

const root = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({executablePath: told.chromium, args: [...root, "--disable-gpu", "--disable-dev-shm-usage", "--no-zygote"]});
try {
	const seen = {}, context = await browser.newContext({ignoreHTTPSErrors: true}), page = await context.newPage();
	let entered;
	page.on("request", r => entered ??= r.url().includes("/enter?") ? r.url() : undefined);
	await page.goto(told.app);
	await press(page, "button");
	seen.landed = {url: page.url(), balance: await page.innerText("#balance"), passwords: await page.locator("input[type=password]").count(),
		offers: await page.locator("li").allInnerTexts()};
	seen.kept = await buy(page, "tea");
	seen.lost = await buy(page, "books");
	console.log("unfulfilled");
	await lines.next();
	await page.goBack();
	await page.reload();
	seen.after = {status: await page.innerText("#status"), balance: await page.innerText("#balance")};
	// where the hand-over led, whose code is used up
	seen.again = (await page.goto(entered)).status();
	const books = await (await browser.newContext()).newPage();
	await books.goto(told.finance.base + told.finance.link);
	await press(books, "main button");
	await books.goto(told.finance.base + told.finance.report);
	await books.selectOption("select[name=category]", "Redemption Reversal");
	await press(books, "form.filter button");
	seen.report = await books.locator("table tbody tr").allInnerTexts();
	console.log(JSON.stringify(seen));
} finally {
	await browser.close();
}
