// Rows with boxes: how many are chosen, a box for all of them, and buttons that wait for one.

for (const form of document.querySelectorAll("form.chosen")) {
  const boxes = () => [...form.querySelectorAll(".tick input:not(:disabled)")];
  const every = form.querySelector(".every");
  const count = () => {
    const chosen = boxes().filter((box) => box.checked).length;
    form.querySelector(".picked").textContent = chosen ? `${chosen} chosen` : "";
    for (const button of form.querySelectorAll(".actions .btn")) button.disabled = chosen === 0;
    every.checked = chosen > 0 && chosen === boxes().length;
    every.indeterminate = chosen > 0 && chosen < boxes().length;
  };
  if (!every) continue;
  form.querySelector(".every-label").hidden = false;
  every.addEventListener("change", () => { for (const box of boxes()) box.checked = every.checked; count(); });
  form.addEventListener("change", count);
  count();
}
