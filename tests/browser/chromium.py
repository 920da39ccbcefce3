"""A page in a real browser: headless Chromium, asked what it made of a page."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

PROBE = """<script>
const errors = [];
addEventListener('error', event => errors.push(String(event.message || event.target.outerHTML).slice(0, 200)), true);
function luminance(colour) {
  const [r, g, b] = colour.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
const rgb = text => text.match(/[\\d.]+/g).map(Number);
function behind(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = rgb(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] > 0) return colour.slice(0, 3);
  }
  return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
}
function contrasts() {
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || ['SCRIPT', 'STYLE'].includes(element.tagName)) continue;
    const pair = [rgb(getComputedStyle(element).color).slice(0, 3), behind(element)].map(luminance);
    found.push([(Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05), element.tagName + '.' + element.className]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}
addEventListener('load', async () => {
  const sounds = [...document.querySelectorAll('audio')];
  for (let wait = 0; wait < 100 && sounds.some(sound => sound.readyState < 1 && !sound.error); wait++)
    await new Promise(done => setTimeout(done, 50));
  const result = {
    errors, width: innerWidth, content: document.documentElement.scrollWidth,
    paper: getComputedStyle(document.body).backgroundColor,
    pictures: [...document.images].map(image => ({alt: image.alt, width: image.complete ? image.naturalWidth : 0})),
    sounds: sounds.map(sound => ({label: sound.ariaLabel, seconds: sound.readyState ? sound.duration : 0})),
    contrast: contrasts()[0],
    links: [...document.querySelectorAll('a')].filter(a => !document.getElementById(a.hash.slice(1))).length,
  };
  parent.postMessage('PROBE' + JSON.stringify(result) + 'END', '*');
});
</script>"""


def chromium() -> str:
    """The browser; skips where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    return found


def look(page: Path, place: Path, *, width: int, dark: bool) -> dict[str, Any]:
    """What the browser made of a page ``width`` pixels wide; ``place`` is an empty folder.

    Chromium's own windows are no narrower than 500 pixels, so the page stands in a frame.
    """
    text = page.read_text(encoding="utf-8").replace("<head>", f"<head>{PROBE}", 1)
    if dark:  # the browser has no switch for it
        text = text.replace("(prefers-color-scheme: dark)", "all")
    place.mkdir(parents=True)
    (place / "page.html").write_text(text, encoding="utf-8")
    frame = f'<iframe src="page.html" width="{width}" height="900" style="border: 0"></iframe>'
    script = "<script>onmessage = event => { document.body.textContent = event.data; };</script>"
    (place / "frame.html").write_text(f"<!doctype html>{script}<body>{frame}", encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--mute-audio"]
    options += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    options += ["--enable-logging=stderr", f"--user-data-dir={place / 'profile'}", "--window-size=1300,1000"]
    command = [chromium(), *options, "--virtual-time-budget=20000", "--dump-dom", (place / "frame.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    found = re.search(r"PROBE(.*)END", done.stdout, re.DOTALL)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    result: dict[str, Any] = json.loads(html.unescape(found[1]))
    result["console"] = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return result
