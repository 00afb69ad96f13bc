// "Until" is chosen as soon as it is filled in.

const {lasts, until} = document.querySelector(".silence").elements;

until.addEventListener("input", () => {
  if (until.value) lasts.value = "until";
});
