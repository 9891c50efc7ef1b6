// The values of the charts under the pointer, and by the arrow keys: one line through all of
// them, with the values in a fixed place above.
(() => {
	const box = () => document.getElementById("charts");
	let at = -1; // the step; -1: none
	const points = () => box().dataset.values.split(";");
	const nice = (v) => {
		const n = Number(v);
		if (n >= 1e6) return (n / 1e6).toPrecision(3) + " M";
		return n >= 10 || n === 0 ? Math.round(n).toLocaleString("en") : n.toFixed(1);
	};
	const span = (v) => {
		const s = Number(v) / 1000;
		if (s < 1) return Math.round(1000 * s) + " ms";
		return s < 120 ? s.toFixed(1) + " s" : Math.round(s / 60) + " min";
	};
	const words = (i, all) => {
		const b = box(), when = new Date(1000 * (Number(b.dataset.from) + i * Number(b.dataset.step)));
		const time = when.toISOString().slice(Number(b.dataset.step) < 3600 ? 11 : 0, 19).replace("T", " ") + " UTC";
		if (!all[i]) return [time, "no history"];
		const [into, out, waiting, p99, p50, lost] = all[i].split(",");
		return [time, `received ${nice(into)}/s, delivered ${nice(out || into)}/s, waiting ${nice(waiting)}, p99 ${span(p99)}, p50 ${span(p50)}` + (Number(lost) ? `, lost ${nice(lost)}/s` : "")];
	};
	let before = "";
	const show = (i) => {
		const b = box();
		if (!b) return;
		const line = document.getElementById("values"), all = points();
		if (i < 0) {
			if (at >= 0) line.textContent = before;
			at = -1;
			b.classList.remove("on");
			return;
		}
		if (at < 0) before = line.textContent;
		at = Math.max(0, Math.min(i, all.length - 1));
		const [time, text] = words(at, all), x = 100 * (at + .5) / all.length + "%";
		const strong = document.createElement("b");
		strong.textContent = time;
		line.replaceChildren(strong, " " + text);
		b.classList.add("on");
		b.querySelectorAll(".cursor").forEach((c) => { c.setAttribute("x1", x); c.setAttribute("x2", x); });
		b.querySelectorAll(".chart").forEach((c) => { c.setAttribute("aria-valuenow", at); c.setAttribute("aria-valuetext", time + ": " + text); });
	};
	const prepare = () => {
		const b = box();
		if (!b) return;
		const last = points().length - 1;
		b.querySelectorAll(".chart").forEach((c) => {
			c.setAttribute("tabindex", "0");
			c.setAttribute("role", "slider");
			c.setAttribute("aria-valuemin", 0);
			c.setAttribute("aria-valuemax", last);
			if (!c.hasAttribute("aria-valuenow")) c.setAttribute("aria-valuenow", last);
		});
		if (at >= 0) show(at);
	};
	const under = (e) => e.target.closest && e.target.closest(".chart");
	document.addEventListener("pointermove", (e) => {
		const c = under(e);
		if (!c) return at >= 0 && !document.activeElement.closest(".chart") ? show(-1) : undefined;
		const r = c.getBoundingClientRect();
		show(Math.floor((e.clientX - r.left) / r.width * points().length));
	});
	document.addEventListener("focusin", (e) => { if (under(e)) show(at < 0 ? points().length - 1 : at); });
	document.addEventListener("focusout", (e) => { if (under(e)) show(-1); });
	document.addEventListener("keydown", (e) => {
		if (!under(e)) return;
		const moves = {ArrowLeft: at - 1, ArrowRight: at + 1, ArrowDown: at - 1, ArrowUp: at + 1, PageUp: at - 12, PageDown: at + 12, Home: 0, End: points().length - 1, Escape: -1};
		if (!(e.key in moves)) return;
		e.preventDefault();
		show(e.key === "Escape" ? -1 : Math.max(0, moves[e.key]));
	});
	document.addEventListener("section", (e) => { if (e.detail === "time") prepare(); });
	prepare();
})();
