// Offers the time zone of this browser where another one is set. Without script one types it.
(() => {
  "use strict";
  const field = document.querySelector("input[name=time_zone]");
  const offer = document.getElementById("browser-zone");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!field || !offer || !zone) return;

  const show = () => (offer.hidden = field.value === zone);
  const button = offer.querySelector("button");
  button.textContent = `Use ${zone}, as this browser says`;
  button.addEventListener("click", () => {
    field.value = zone;
    show();
    field.focus();
  });
  field.addEventListener("input", show);
  show();
})();
