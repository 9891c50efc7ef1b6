// The tap: each line beside its event. All of it is set as text.
(() => {
	const form = document.getElementById("tap");
	if (!form || !window.EventSource) return;
	const most = 100; // lines that are shown, and that wait while it is paused
	const note = document.getElementById("tap-note"), go = document.getElementById("tap-go"), pause = document.getElementById("tap-pause");
	const list = document.getElementById("lines");
	let events = null, paused = false, busy = false, waiting = [], passed = 0;
	const make = (name, className, text) => {
		const e = document.createElement(name);
		if (className) e.className = className;
		if (text !== undefined) e.textContent = text;
		return e;
	};
	// quoted makes a line one word of a shell.
	const quoted = (s) => /[\x00-\x1f\x7f]/.test(s)
		? "$'" + s.replace(/[\\']/g, "\\$&").replace(/[\x00-\x1f\x7f]/g, (c) => "\\x" + c.charCodeAt(0).toString(16).padStart(2, "0")) + "'"
		: "'" + s.replace(/'/g, "'\\''") + "'";
	const command = (m) => `printf '%s\\n' ${quoted(m.raw)} | gateway parse --source ${quoted(m.source)} --sender ${quoted(m.sender)}`;
	const keys = (event) => {
		const place = make("div", "keys raw");
		for (const [key, value] of Object.entries(event)) {
			place.append(make("span", "", key + " "), make("b", "", typeof value === "string" ? value : JSON.stringify(value)), "\n");
		}
		return place;
	};
	const line = (m) => {
		const row = make("li"), meta = make("p", "meta");
		meta.append(make("span", "", new Date(m.time).toISOString().slice(11, 23)), make("b", "", m.host || m.sender), make("span", "", `${m.source} ${m.transport} · ${m.sender}`),
			make("span", "", [m.class, m.pack && "pack " + m.pack].filter(Boolean).join(" · ")));
		if (m.rules.length) meta.append(make("span", "", m.rules.join(", ")));
		const copy = make("button", "ln", "Copy as gateway parse");
		copy.type = "button";
		copy.dataset.copy = command(m);
		copy.hidden = !navigator.clipboard;
		meta.append(copy);
		row.append(meta, make("p", "raw", m.raw + (m.truncated ? " …" : "")));
		if (!m.event) {
			row.append(make("p", "soft", "no event: " + m.dropped));
			return row;
		}
		// What differs from the line first; the rest unfolds.
		const {event, fields, ...names} = m.event, side = make("div");
		if (event !== m.raw) names.event = event;
		side.append(keys(names));
		const all = make("details");
		all.append(make("summary", "", "All fields"), make("pre", "raw", JSON.stringify(m.event, null, 1)));
		side.append(all);
		row.append(side);
		return row;
	};
	const put = (m) => {
		list.prepend(line(m));
		while (list.children.length > most) list.lastElementChild.remove();
	};
	const release = () => {
		if (paused || busy) return;
		waiting.splice(0).forEach(put);
		passed = 0;
	};
	const n = (count) => count.toLocaleString("en");
	const label = () => { pause.textContent = paused ? (passed ? `Go on (held, ${n(passed)} more)` : "Go on") : "Pause"; };
	const stop = (why) => {
		if (events) events.close();
		events = null;
		go.textContent = "Listen";
		pause.hidden = true;
		if (why) note.textContent = why;
	};
	pause.addEventListener("click", () => {
		paused = !paused;
		release();
		label();
	});
	// While the pointer or the focus is inside, the list does not move.
	const inside = (is) => () => { busy = is; release(); };
	list.addEventListener("pointerenter", inside(true));
	list.addEventListener("pointerleave", inside(false));
	list.addEventListener("focusin", inside(true));
	list.addEventListener("focusout", inside(false));
	form.addEventListener("submit", (e) => {
		e.preventDefault();
		if (events) return stop("Stopped.");
		const query = new URLSearchParams([...new FormData(form)].filter(([name, value]) => value && !["format", "limit", "seconds"].includes(name)));
		list.replaceChildren();
		waiting = [];
		passed = 0;
		paused = false;
		label();
		events = new EventSource(location.origin + form.getAttribute("action") + "?" + query);
		go.textContent = "Stop";
		pause.hidden = false;
		note.textContent = "Listening.";
		events.addEventListener("message", (m) => {
			const one = JSON.parse(m.data);
			if (!paused && !busy) return put(one);
			passed++;
			waiting.push(one);
			if (waiting.length > most) waiting.shift();
			label();
		});
		events.addEventListener("counts", (m) => {
			const c = JSON.parse(m.data);
			note.textContent = `Listening: ${n(c.looked)} of ${n(c.passed)} messages were checked, ${n(c.lost)} that matched are not shown.`;
		});
		events.onerror = () => stop("The tap was refused or has ended: check the filters.");
	});
	addEventListener("pagehide", () => stop());
})();
