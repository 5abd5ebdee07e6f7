// Writes the reader's own time beside each UTC time. Everything is readable without it.
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  const local = time.parentElement.querySelector(".local");
  if (local && !Number.isNaN(at.valueOf())) {
    // Swedish dates are written as in ISO 8601, like the UTC time beside them.
    const zone = new Intl.DateTimeFormat([], { timeZoneName: "short" }).formatToParts(at);
    const name = zone.find((part) => part.type === "timeZoneName").value;
    local.textContent = `${at.toLocaleString("sv-SE")} ${name}`;
  }
}
