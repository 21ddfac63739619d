// Conveniences only: every page works without this file. The texts are the page's, in attributes.
"use strict";
(() => {
	const all = (selector) => document.querySelectorAll(selector);
	const say = (text) => { document.getElementById("status").textContent = text; };

	// The plural forms of a text are data-name-one, data-name-other and so on.
	const rules = new Intl.PluralRules(document.documentElement.lang);
	const plural = (element, name, n) => {
		const form = (word) => element.dataset[name + word[0].toUpperCase() + word.slice(1)];
		return (form(rules.select(n)) || form("other")).replace("{n}", n);
	};

	// A page that another address has answered with gets its own, so that whoever reloads it or comes back to it finds the same sign-in.
	const placed = document.querySelector("input[data-page-address]");
	if (placed) history.replaceState(null, "", placed.dataset.pageAddress + "?flow=" + encodeURIComponent(placed.value));

	// A page that comes back from memory may show what is no longer so.
	addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

	// A form is sent once. The guard opens again, should the answer get lost: long before the server forgets it. Until then
	// the button shows why it does nothing.
	for (const form of all("form:not([data-again])")) {
		let sent = false;
		form.addEventListener("submit", (event) => {
			if (sent) { event.preventDefault(); return; }
			sent = true;
			const button = event.submitter;
			if (button) button.setAttribute("aria-busy", "true");
			setTimeout(() => {
				sent = false;
				if (button) button.removeAttribute("aria-busy");
			}, 2500);
			for (const input of form.querySelectorAll("[data-shown]")) input.type = "password";
		});
	}

	// The page is loaded when its frames are. One that does not load keeps nobody.
	for (const link of all("[data-after-frames]")) {
		const go = () => location.replace(link.href);
		if (document.readyState === "complete") go();
		else addEventListener("load", go);
		setTimeout(go, 4000);
	}

	// The cursor is where the error is said, also in browsers that do not put it there themselves.
	const fault = document.querySelector("#error-summary, [aria-invalid][autofocus]");
	if (fault && document.activeElement !== fault) fault.focus();

	for (const button of all("[data-reveal]")) {
		const input = document.getElementById(button.dataset.reveal);
		button.hidden = false;
		button.addEventListener("click", () => {
			const shown = input.type === "password";
			input.type = shown ? "text" : "password";
			input.toggleAttribute("data-shown", shown);
			button.setAttribute("aria-pressed", shown);
		});
	}

	if (navigator.clipboard) {
		const copies = (button, text) => {
			button.hidden = false;
			button.addEventListener("click", () => navigator.clipboard.writeText(text()).then(() => say(button.dataset.said), () => say(button.dataset.failed)));
		};
		for (const button of all("[data-copy]")) copies(button, () => button.dataset.copy);
		for (const button of all("[data-copy-list]")) {
			copies(button, () => Array.from(all("#" + button.dataset.copyList + " code"), (code) => code.textContent).join("\n"));
		}
	}
	for (const button of all("[data-print]")) {
		button.hidden = false;
		button.addEventListener("click", () => print());
	}

	// Times are written as the language of the page does, in the calendar and the digits of the server's dates beside them, unless
	// its locale names its own.
	const locale = document.documentElement.dataset.dates;
	const own = /-u-/.test(locale) ? {} : { calendar: "gregory", numberingSystem: "latn" };
	const local = (time, format) => { time.textContent = new Date(time.dateTime).toLocaleString(locale, { ...own, ...format }); };
	for (const time of all("time[data-clock]")) local(time, { timeStyle: "short" });
	for (const time of all("time[data-moment]")) local(time, { dateStyle: "long", timeStyle: "short" });

	const lapse = (element, seconds) => seconds < 120 ? plural(element, "seconds", seconds) : plural(element, "minutes", Math.round(seconds / 60));

	// The clock is looked at, and counted down, only while the help with it is open.
	for (const help of all("details[data-clock-help]")) {
		const server = Number(help.querySelector("[data-server]").dataset.server);
		const skew = Math.round((Date.now() - performance.now() - server) / 1000); // the time of the answer makes it a little more
		const check = help.querySelector("[data-skew]");
		const countdown = help.querySelector("[data-countdown]");
		let timer;
		const tick = () => {
			const period = Number(countdown.dataset.countdown);
			const left = period - Math.floor((server + performance.now()) / 1000) % period;
			countdown.textContent = plural(countdown, "next", left);
		};
		help.addEventListener("toggle", () => {
			clearInterval(timer);
			if (!help.open) return;
			check.hidden = false;
			check.textContent = Math.abs(skew) < 5 ? check.dataset.same : check.dataset.differs.replace("{span}", lapse(check, Math.abs(skew)));
			if (!countdown) return; // the user's authenticators change at different times
			countdown.hidden = false;
			tick();
			timer = setInterval(tick, 1000);
		});
	}
})();
