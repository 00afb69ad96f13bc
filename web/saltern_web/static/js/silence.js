// "Until" in the zone that times are shown in, and chosen as soon as it is filled in.

const form = document.querySelector(".silence");
const until = form.elements.until;
const utc = document.documentElement.dataset.zone === "UTC";
const zone = new Intl.DateTimeFormat(undefined, {timeZoneName: "short"}).formatToParts().find(({type}) => type === "timeZoneName");

document.getElementById("zone-name").textContent = utc ? "UTC" : zone?.value ?? "your time";
const tell = () => {
  const at = until.value ? new Date(until.value) : new Date();  // summer and winter differ
  form.elements.zone.value = utc ? 0 : at.getTimezoneOffset();
};
tell();
until.addEventListener("input", () => {
  tell();
  if (until.value) form.elements.lasts.value = "until";
});
