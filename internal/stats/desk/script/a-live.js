// Keeps the page up to date with server-sent events. What came from others is escaped by the
// server, or set as text.
const keepOpen = (() => {
	// What the reader has opened or folded stays so, in this tab.
	const choice = new Map(Object.entries(JSON.parse(sessionStorage.getItem("folds") || "{}")));
	const apply = () => choice.forEach((open, id) => {
		const fold = document.getElementById(id);
		if (fold && fold.open !== open) fold.open = open;
	});
	document.addEventListener("click", (e) => {
		const summary = e.target.closest && e.target.closest("summary");
		const fold = summary && summary.parentElement;
		if (!fold || !fold.id) return;
		choice.set(fold.id, !fold.open);
		sessionStorage.setItem("folds", JSON.stringify(Object.fromEntries([...choice].filter(([id]) => id.startsWith("fold-")))));
	});
	choice.forEach((_, id) => { if (!id.startsWith("fold-")) choice.delete(id); });
	apply();
	return choice;
})();

// morph makes one element like another and changes only what differs, so that focus, selection
// and scrolling stay, and a screen reader reads changes only.
const morph = (from, to) => {
	if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) {
		from.replaceWith(to.cloneNode(true));
		return;
	}
	if (from.nodeType !== Node.ELEMENT_NODE) {
		if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
		return;
	}
	const mine = (name) => name === "hidden" || name === "open" && (from.classList.contains("ask") || keepOpen.has(from.id)) ||
		from.classList.contains("chart") && (name === "tabindex" || name === "role" || name.startsWith("aria-")) || name === "class" && from.id === "charts";
	for (const a of [...from.attributes]) if (!to.hasAttribute(a.name) && !mine(a.name)) from.removeAttribute(a.name);
	for (const a of to.attributes) if (from.getAttribute(a.name) !== a.value && !mine(a.name)) from.setAttribute(a.name, a.value);
	if (from.classList.contains("cursor") || from.id === "values" && document.querySelector("#charts.on")) return;
	if (to.dataset && to.dataset.keyed) rows(from, to);
	else children(from, to);
};
const children = (from, to) => {
	const have = [...from.childNodes], want = [...to.childNodes];
	want.forEach((node, i) => have[i] ? morph(have[i], node) : from.append(node.cloneNode(true)));
	have.slice(want.length).forEach((node) => node.remove());
};
// rows keeps the order that a list has: a new row comes last.
const rows = (from, to) => {
	const want = new Map([...to.children].filter((row) => row.id).map((row) => [row.id, row]));
	if (!want.size || [...from.children].some((row) => !row.id) || want.size !== to.children.length) return children(from, to);
	for (const row of [...from.children]) {
		const next = want.get(row.id);
		want.delete(row.id);
		if (next) morph(row, next);
		else row.remove();
	}
	want.forEach((row) => from.append(row.cloneNode(true)));
};

const state = document.getElementById("state");
const follow = () => {
	const address = document.body.dataset.events;
	if (!address || !window.EventSource) return;
	const early = 5, late = 15; // seconds without news
	let events = null, newest = Date.now(), paused = false, said = null;
	const say = (text, kind) => {
		if (state.textContent !== text) state.textContent = text;
		state.className = kind;
	};
	const headline = () => document.getElementById("headline"), shape = () => document.querySelector(".say use");
	const open = () => {
		events = new EventSource(location.origin + address); // the page's own address may have a name and password
		events.addEventListener("section", (e) => {
			const part = JSON.parse(e.data);
			const box = document.createElement("template");
			box.innerHTML = part.html;
			newest = Date.now();
			if (said !== null) {
				headline().textContent = said;
				shape().setAttribute("href", shape().dataset.was);
				said = null;
				document.body.classList.remove("stale");
			}
			const place = document.getElementById("part-" + part.id);
			if (place) children(place, box.content);
			copies(place);
			if (part.level) document.title = document.title.replace(/: \w+$/, ": " + part.level);
			say("Live", "live");
			document.dispatchEvent(new CustomEvent("section", {detail: part.id}));
		});
		events.onerror = () => {
			if (events && events.readyState === EventSource.CLOSED) setTimeout(() => paused || open(), 15000); // it was refused
		};
	};
	const watch = () => {
		if (paused) return;
		const gone = Math.round((Date.now() - newest) / 1000);
		if (gone < early) return;
		say(`No answer for ${gone} s, trying again`, "lost");
		if (gone >= late && said === null) {
			said = headline().textContent;
			shape().dataset.was = shape().getAttribute("href");
			shape().setAttribute("href", "#i-none"); // no statement can be made
			headline().textContent = `The gateway does not answer. What follows is of ${document.getElementById("clock").textContent}.`;
			document.body.classList.add("stale");
		}
	};
	const pause = document.getElementById("pause");
	if (pause) pause.addEventListener("click", (e) => {
		e.preventDefault();
		paused = !paused;
		pause.textContent = paused ? "go on" : "stop updates";
		if (paused) {
			events.close();
			say("Paused at", "still");
			return;
		}
		newest = Date.now();
		open();
	});
	open();
	setInterval(watch, 1000);
	addEventListener("pagehide", () => events.close());
};

// A link to a row in a fold opens it.
const unfold = () => {
	let at = null;
	try { at = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1))); } catch { return; }
	if (!at) return;
	for (let fold = at.closest("details"); fold; fold = fold.parentElement.closest("details")) {
		fold.open = true;
		if (fold.id) keepOpen.set(fold.id, true);
	}
	at.scrollIntoView();
};

// copies lets buttons copy a command.
const copies = (place) => (place || document).querySelectorAll("[data-copy][hidden]").forEach((button) => { button.hidden = !navigator.clipboard; });
document.addEventListener("click", (e) => {
	const button = e.target.closest && e.target.closest("[data-copy]");
	if (!button) return;
	navigator.clipboard.writeText(button.dataset.copy).then(() => {
		button.dataset.done = "yes";
		const text = button.firstChild, before = text.nodeValue;
		text.nodeValue = "Copied";
		setTimeout(() => { text.nodeValue = before === "Copied" ? "Copy" : before; }, 2000);
	}, () => {});
});

addEventListener("hashchange", unfold);
copies();
unfold();
follow();
