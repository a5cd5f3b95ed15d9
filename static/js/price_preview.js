// Works out what an ordinary call costs while rates are typed. The server checks them all the same.
(() => {
  "use strict";
  const INPUT_TOKENS = 1000n;
  const OUTPUT_TOKENS = 500n;
  const DECIMALS = 6; // of a rate, as stored

  // A rate in millionths of a dollar, exactly; null while it is not a rate.
  function millionths(text) {
    const parts = /^(\d*)(?:[.,](\d*))?$/.exec(text.trim());
    if (!parts || !(parts[1] || parts[2]) || (parts[2] || "").length > DECIMALS) return null;
    return BigInt((parts[1] || "0") + (parts[2] || "").padEnd(DECIMALS, "0"));
  }

  function usd(nanos) {
    const digits = String(nanos).padStart(10, "0");
    const whole = digits.slice(0, -9).replace(/\B(?=(\d{3})+$)/g, ",");
    return `$${whole}.${digits.slice(-9).replace(/0+$/, "").padEnd(2, "0")}`;
  }

  function example(input, output) {
    const thousandths = INPUT_TOKENS * input + OUTPUT_TOKENS * output; // of a nano-dollar
    return `1,000 in + 500 out = ${usd((thousandths + 999n) / 1000n)}`;
  }

  document.addEventListener("DOMContentLoaded", () => {
    const preview = document.getElementById("price-preview");
    const field = (name) => document.querySelector(`[name=${name}]`);
    const fields = ["model", "input", "output"].map(field);
    if (!preview || fields.includes(null)) return;
    const inForce = JSON.parse(preview.dataset.inForce);
    const waiting = "Worked out from the rates above.";

    function show() {
      const [model, input, output] = fields.map((each) => each.value);
      const rates = [millionths(input), millionths(output)];
      const now = rates.includes(null) ? waiting : example(...rates);
      const before = inForce[model];
      preview.textContent = before ? `${now} (in force now: ${before.split("= ")[1]})` : now;
    }

    for (const each of fields) {
      each.addEventListener("input", show);
      each.addEventListener("change", show);
    }
    show();
  });
})();
