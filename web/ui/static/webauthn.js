// Has the browser ask for a passkey or a security key when a form with data-passkey is sent, and sends what it returned in
// the field response. data-options are those of PublicKeyCredential in JSON. The texts are the page's, in attributes.
"use strict";
(() => {
	const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
	const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
	const known = (keys) => (keys || []).map((key) => ({ ...key, id: bytes(key.id) }));

	// What parseCreationOptionsFromJSON and its like do where a browser has them.
	const ask = {
		get: (o) => navigator.credentials.get({ publicKey: { ...o, challenge: bytes(o.challenge), allowCredentials: known(o.allowCredentials) } }),
		create: (o) => navigator.credentials.create({
			publicKey: { ...o, challenge: bytes(o.challenge), user: { ...o.user, id: bytes(o.user.id) }, excludeCredentials: known(o.excludeCredentials) },
		}),
	};

	const answer = (key) => {
		const response = { clientDataJSON: text(key.response.clientDataJSON) };
		for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
			if (key.response[name]) response[name] = text(key.response[name]);
		}
		if (key.response.getTransports) response.transports = key.response.getTransports();
		return JSON.stringify({ id: key.id, rawId: text(key.rawId), type: key.type, clientExtensionResults: {}, response });
	};

	// Browsers tell too little on purpose: NotAllowedError is a closed prompt, a key that is not there, or time that ran out.
	const outcomes = { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known", NotSupportedError: "unsupported", SecurityError: "address" };

	const outcome = (error, waited, timeout) => {
		const name = outcomes[error.name] || "failed";
		return name === "cancelled" && waited >= timeout - 1000 ? "late" : name;
	};

	for (const box of document.querySelectorAll("[data-passkey]")) {
		const form = box.closest("form");
		const field = form.elements.namedItem("response");
		const says = box.querySelector("[data-passkey-says]");
		const options = JSON.parse(box.dataset.options || "null");
		const start = form.querySelector("[data-passkey-start]");
		let waiting = false;

		const show = (state) => {
			box.dataset.state = state;
			says.textContent = says.dataset[state];
			says.className = state === "waiting" ? "hint" : "error";
		};

		if (!window.PublicKeyCredential || !navigator.credentials || !options) {
			show("unsupported");
			continue;
		}
		if (start) {
			start.hidden = false;
			if (start.autofocus) start.focus();
		}

		const run = async (button) => {
			const began = performance.now();
			show("waiting");
			try {
				field.value = answer(await ask[box.dataset.passkey](options));
			} catch (error) {
				show(outcome(error, performance.now() - began, options.timeout));
				if (start) start.textContent = says.dataset.again;
				if (button) button.focus();
				return;
			}
			form.requestSubmit(button);
		};

		// A button with an action of its own, such as cancel, needs no key. Capturing comes before the guard against sending twice.
		form.addEventListener("submit", (event) => {
			const button = event.submitter;
			if (field.value || (button && button.name === "action")) return;
			event.preventDefault();
			event.stopImmediatePropagation();
			if (waiting) return;
			waiting = true;
			run(button).finally(() => { waiting = false; });
		}, true);
	}
})();
