"use strict";
// Keeps the page up to date with server-sent events, and runs the tap. Messages and names
// are set as text, or the server has escaped them.
(() => {
	// morph makes one element like another and changes only what differs, so that focus,
	// selection and scrolling stay, and a screen reader reads changes only.
	const morph = (from, to) => {
		if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) {
			from.replaceWith(to.cloneNode(true));
			return;
		}
		if (from.nodeType !== Node.ELEMENT_NODE) {
			if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
			return;
		}
		for (const a of [...from.attributes]) if (!to.hasAttribute(a.name)) from.removeAttribute(a.name);
		for (const a of to.attributes) if (from.getAttribute(a.name) !== a.value) from.setAttribute(a.name, a.value);
		children(from, to);
	};
	const children = (from, to) => {
		const have = [...from.childNodes], want = [...to.childNodes];
		want.forEach((node, i) => have[i] ? morph(have[i], node) : from.append(node.cloneNode(true)));
		have.slice(want.length).forEach((node) => node.remove());
	};

	const state = document.getElementById("state");
	const follow = () => {
		const address = document.body.dataset.events;
		if (!address || !window.EventSource) return;
		const events = new EventSource(location.origin + address); // the page's own address may have a name and password
		events.addEventListener("section", (e) => {
			const part = JSON.parse(e.data);
			const box = document.createElement("template");
			box.innerHTML = part.html;
			const place = document.getElementById("part-" + part.id);
			if (place) children(place, box.content);
			document.title = document.title.replace(/: \w+$/, ": " + part.level);
			state.textContent = "live";
			state.className = "live";
		});
		events.onerror = () => {
			state.textContent = "no connection, trying again";
			state.className = "lost";
			if (events.readyState === EventSource.CLOSED) setTimeout(follow, 15000); // it was refused
		};
		addEventListener("pagehide", () => events.close());
	};

	const most = 100; // lines that are kept
	const line = (m) => {
		const row = document.createElement("tr");
		const cell = (text, small) => {
			const td = row.insertCell();
			td.textContent = text;
			if (small) {
				const s = document.createElement("small");
				s.textContent = small;
				td.append(s);
			}
			return td;
		};
		cell(m.time.slice(11, 23), m.transport);
		cell(m.source + " " + (m.host || m.sender), m.sender + " " + m.class);
		cell(m.raw + (m.truncated ? " …" : "")).className = "raw";
		cell(m.event ? JSON.stringify(m.event, null, 1) : "no event: " + m.dropped).className = "raw";
		return row;
	};
	const tap = () => {
		const form = document.getElementById("tap");
		if (!form || !window.EventSource) return;
		const note = document.getElementById("tap-note"), go = document.getElementById("tap-go");
		const body = document.querySelector("#lines tbody");
		let events = null;
		const stop = (why) => {
			if (events) events.close();
			events = null;
			go.textContent = "Listen";
			if (why) note.textContent = why;
		};
		form.addEventListener("submit", (e) => {
			e.preventDefault();
			if (events) return stop("Stopped.");
			const query = new URLSearchParams(new FormData(form));
			["format", "limit", "seconds"].forEach((name) => query.delete(name));
			body.replaceChildren();
			events = new EventSource(location.origin + form.getAttribute("action") + "?" + query);
			go.textContent = "Stop";
			note.textContent = "Listening.";
			events.addEventListener("message", (m) => {
				body.prepend(line(JSON.parse(m.data)));
				while (body.rows.length > most) body.lastElementChild.remove();
			});
			events.addEventListener("counts", (m) => {
				const c = JSON.parse(m.data);
				note.textContent = `Listening: ${c.looked} of ${c.passed} messages were checked, ${c.lost} that matched are not shown.`;
			});
			events.onerror = () => stop("The tap was refused or has ended: check the filters.");
		});
		addEventListener("pagehide", () => stop());
	};
	follow();
	tap();
})();
