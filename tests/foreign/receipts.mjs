// Receipts by an encoder that nobody here wrote, with what a reader must find on each.
//
//   npm install @point-of-sale/receipt-printer-encoder@4.0.1
//   node receipts.mjs COUNT SEED > receipts.jsonl
//
// Each line of output: {"bytes": base64, "layout", "language", "total": {…}} in the words of the
// lane's local API. The layouts, quantities, prices, discounts, voids, tenders, printers, code pages,
// images and codes are drawn from the seed; commands, columns and code pages are the encoder's own.
// The encoder knows no GB 18030: those bytes come from ICU's table, by `raw`.

import ReceiptPrinterEncoder from '@point-of-sale/receipt-printer-encoder';

const [count, seed] = process.argv.slice(2).map(Number);

let state = seed >>> 0;
function chance() { // mulberry32
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = (n) => Math.floor(chance() * n);
const pick = (list) => list[below(list.length)];
const often = (share) => chance() < share;

const gb = new Map();
const decoder = new TextDecoder('gb18030');
for (let lead = 0x81; lead <= 0xfe; lead++) {
  for (let trail = 0x40; trail <= 0xfe; trail++) {
    if (trail !== 0x7f) gb.set(decoder.decode(Uint8Array.of(lead, trail)), [lead, trail]);
  }
}
const inGb = (text) => [...text].flatMap((c) => (c < '\x80' ? [c.charCodeAt(0)] : gb.get(c)));
const width = (text) => [...text].reduce((sum, c) => sum + (c < '\u1100' ? 1 : 2), 0);

const NAMES = {
  en: ['Milk 1L', 'Café au lait', 'Bread', 'Crème fraîche 20%', 'Eggs x12', 'Tea 100 bags', '7-Up 330ml',
    'Total 0% Yogurt', 'Müsli', 'A4 paper', 'Cashew nuts', 'Jalapeño dip', 'Apples', 'Gin 0.7', 'Cola 2 for 1'],
  zh: ['可口可乐330ml', '纯牛奶250ml*12', '面包', '合味道杯面', '农夫山泉550ml', '鸡蛋 10枚', '东北大米5kg',
    '抽纸(3包)', '蒙牛酸奶', '现金牌花生', '找茬薯片', '5号电池', '苹果', '老干妈辣酱'],
};
const WORDS = {
  en: {
    number: ['Receipt No: ', 'Receipt #', 'Transaction: ', 'TICKET NR. '], cashier: ['Cashier: ', 'Served by '],
    subtotal: ['Subtotal', 'SUBTOTAL'], total: ['TOTAL', 'Total due', 'AMOUNT DUE', 'GRAND TOTAL'],
    count: ['Items: ', 'ITEMS SOLD ', 'No. of items: '], change: ['CHANGE', 'Change due'],
    discount: ['Discount', 'PROMO', 'Coupon'], all: ['Member discount', 'TOTAL DISCOUNT'], void: ['VOID ', '** VOID '],
    cash: ['CASH', 'Cash tendered'], card: ['VISA', 'Card', 'DEBIT CARD'], wechat: ['WeChat Pay'], alipay: ['Alipay'],
    voucher: ['Gift card'], saved: ['TOTAL SAVINGS'], kg: 'kg', footer: ['Thank you!', 'Tel. 555 0100', 'www.example.com'],
  },
  zh: {
    number: ['流水号:', '小票号：', '单号: '], cashier: ['收银员:', '收银员：'], subtotal: ['小计', '小计：'],
    total: ['合计', '合计：', '应付金额', '总计'], count: ['件数:', '商品件数：', '数量 '], change: ['找零', '找零：'],
    discount: ['优惠', '折扣'], all: ['整单优惠', '会员优惠'], void: ['取消 ', '撤销 '], cash: ['现金', '现金：'],
    card: ['银联卡', '银行卡'], wechat: ['微信支付', '微信'], alipay: ['支付宝', '支付宝：'], voucher: ['购物卡'],
    saved: ['已优惠'], kg: 'kg', footer: ['谢谢惠顾', '电话 0571-88880000', '欢迎再次光临'],
  },
};
// The models that speak ESC/POS; the others speak Star's languages.
const PRINTERS = ReceiptPrinterEncoder.printerModels.map((model) => model.id)
  .filter((id) => new ReceiptPrinterEncoder({ printerModel: id }).language === 'esc-pos');
console.warn = () => {}; // that a model has no QR codes

const money = (minor, grouped) => {
  const whole = String(Math.floor(minor / 100));
  const shown = grouped ? whole.replace(/\B(?=(\d{3})+$)/g, ',') : whole;
  return `${shown}.${String(minor % 100).padStart(2, '0')}`;
};
function gtin13() {
  const digits = '69' + Array.from({ length: 10 }, () => below(10)).join('');
  const sum = [...digits].reduce((s, d, i) => s + Number(d) * (i % 2 ? 3 : 1), 0);
  return digits + ((10 - (sum % 10)) % 10);
}

// --- a basket ------------------------------------------------------------------------------------

function drawBasket(layout, language) {
  const withGtins = layout !== 'quantity-first' && often(0.6);
  const items = [];
  const lines = 1 + below(often(0.1) ? 40 : 9);
  for (let n = 0; n < lines; n++) {
    const item = { name: pick(NAMES[language]), gtin: withGtins ? gtin13() : '', price: 50 + below(often(0.05) ? 150000 : 4000) };
    if (often(0.12)) {
      item.grams = 50 + below(3000);
      item.amount = Math.round((item.price * item.grams) / 1000);
      item.quantity = 1;
    } else {
      item.quantity = often(0.75) ? 1 : 2 + below(11);
      item.amount = item.price * item.quantity;
    }
    if (item.amount < 2) continue;
    if (often(0.1)) item.discount = 1 + below(item.amount - 1);
    else if (!item.grams && often(0.06)) item.voided = true;
    items.push(item);
  }
  if (!items.some((item) => !item.voided)) items.push({ name: NAMES[language][0], gtin: withGtins ? gtin13() : '', price: 350, quantity: 1, amount: 350 });
  return items;
}

function drawTotal(items) {
  const kept = items.filter((item) => !item.voided);
  const sum = kept.reduce((s, item) => s + item.amount - (item.discount || 0), 0);
  const basketDiscount = sum > 500 && often(0.15) ? 1 + below(Math.floor(sum / 5)) : 0;
  const amount = sum - basketDiscount;
  const pieces = kept.reduce((s, item) => s + (item.grams ? 1 : item.quantity), 0);
  const kind = pick(['cash', 'cash', 'card', 'wechat', 'alipay', 'mixed']);
  let tenders = [{ tender_type: kind, amount_minor: amount }];
  let change = 0;
  if (kind === 'cash') {
    tenders[0].amount_minor = Math.ceil(amount / 1000) * 1000;
    change = tenders[0].amount_minor - amount;
  } else if (kind === 'mixed') {
    const part = Math.floor(amount / 2);
    tenders = [{ tender_type: 'voucher', amount_minor: part }, { tender_type: 'card', amount_minor: amount - part }];
    tenders = tenders.filter((tender) => tender.amount_minor > 0);
  }
  return { sum, basketDiscount, amount, pieces, tenders, change };
}

// --- on paper ------------------------------------------------------------------------------------

function print(layout, language, items, total, number) {
  const columns = layout !== 'quantity-first' && items[0].gtin ? 48 : layout === 'columns' ? 42 : pick([32, 42, 48]);
  const encoder = new ReceiptPrinterEncoder({ printerModel: pick(PRINTERS), columns });
  const words = WORDS[language];
  const grouped = often(0.5);
  const put = language === 'en'
    ? (text) => encoder.line(text)
    : (text) => encoder.raw([...inGb(text), 0x0a]);
  const spread = (left, right) => {
    const room = columns - width(right);
    const words = fitted(left, room - 1);
    put(words + ' '.repeat(room - width(words)) + right);
  };
  const pay = (minor) => (often(0.2) ? (language === 'en' ? '$' : '￥') : '') + money(minor, grouped);

  encoder.initialize();
  if (language === 'en') encoder.codepage('auto');
  else encoder.raw([0x1c, 0x26]);
  if (often(0.1)) encoder.pulse();
  if (often(0.15)) logo(encoder);
  encoder.align('center').bold(true);
  put(language === 'en' ? 'Acme Harbour Street' : '好邻居超市');
  encoder.bold(false).align('left');
  if (often(0.4)) put(pick(words.footer));
  const when = `2026-${String(1 + below(12)).padStart(2, '0')}-${String(1 + below(28)).padStart(2, '0')} ${String(below(24)).padStart(2, '0')}:${String(below(60)).padStart(2, '0')}:${String(below(60)).padStart(2, '0')}`;
  const title = pick(words.number) + number;
  if (width(title) + 21 <= columns && often(0.7)) put(`${title}  ${when}`);
  else { put(title); put(when); }
  const operator = `0${1 + below(9)}`;
  put(pick(words.cashier) + operator);
  if (language === 'en' && often(0.5)) encoder.rule(); else put('-'.repeat(columns));
  for (const item of items) {
    row(item, '');
    if (item.discount) spread(`  ${pick(words.discount)}`, `-${money(item.discount, grouped)}`);
    if (item.voided) row(item, pick(words.void));
  }
  put('-'.repeat(columns));
  if (total.basketDiscount) {
    spread(pick(words.subtotal), money(total.sum, grouped));
    spread(pick(words.all), `-${money(total.basketDiscount, grouped)}`);
  } else if (often(0.3)) spread(pick(words.subtotal), money(total.sum, grouped));
  if (often(0.3)) encoder.bold(true).size(1, 2);
  spread(pick(words.total), pay(total.amount));
  encoder.bold(false).size(1, 1);
  if (often(0.7)) put(pick(words.count) + total.pieces);
  for (const tender of total.tenders) spread(pick(words[tender.tender_type]), pay(tender.amount_minor));
  if (total.change) spread(pick(words.change), pay(total.change));
  if (often(0.2)) spread(pick(words.saved), money(123, grouped));
  if (often(0.3)) encoder.barcode(number.replace(/\D/g, '').padStart(12, '0').slice(0, 12), 'ean13', { height: 60 });
  if (often(0.3)) encoder.qrcode(`https://example.com/r/${number}`);
  put(pick(words.footer));
  if (often(0.4)) encoder.pulse();
  encoder.cut(pick(['full', 'partial']));
  return { bytes: encoder.encode(), operator };

  function row(item, prefix) {
    const price = money(item.price, grouped);
    const amount = (prefix && often(0.5) ? '-' : '') + money(item.amount, grouped);
    const quantity = item.grams ? (item.grams / 1000).toFixed(3) : String(item.quantity);
    const gtin = item.gtin ? `${item.gtin} ` : '';
    if (layout === 'columns') {
      const cells = [quantity, price, amount].map((cell, n) => cell.padStart([5, 8, 8][n])).join(' ');
      spread(fitted(prefix + gtin + item.name, columns - width(cells) - 1), cells);
    } else if (layout === 'two-lines') {
      const times = item.grams ? `${quantity}${words.kg} x ${price}` : pick([`${quantity} x ${price}`, `${quantity}  ${price}`]);
      const below = gtin && !item.grams && !prefix && often(0.5);
      put(prefix + (below || prefix ? '' : gtin) + item.name);
      spread(`  ${below ? gtin : ''}${times}`, amount);
    } else if (item.grams) spread(`${quantity}${words.kg} ${item.name}`, amount);
    else if (item.quantity > 1 || prefix || /^\d/.test(item.name)) spread(`${prefix}${item.quantity}${pick([' x ', ' '])}${item.name}`, amount);
    else spread(item.name, amount);
  }
}

function fitted(text, room) { // as a POS cuts descriptions
  while (width(text) > room) text = [...text].slice(0, -1).join('').trimEnd();
  return text;
}

function logo(encoder) {
  const size = 8 * (4 + below(12));
  const data = new Uint8ClampedArray(size * size * 4).map(() => (often(0.5) ? 255 : 0));
  encoder.image({ data, width: size, height: size }, size, size, 'threshold');
}

for (let n = 0; n < count; n++) {
  const layout = pick(['columns', 'two-lines', 'quantity-first']);
  const language = pick(['en', 'zh']);
  const items = drawBasket(layout, language);
  const total = drawTotal(items);
  const number = `${pick(['A', 'POS2-', ''])}${100000 + n}`;
  const { bytes, operator } = print(layout, language, items, total, number);
  const kept = items.filter((item) => !item.voided);
  const gtins = kept.every((item) => item.gtin) ? kept.map((item) => ({ gtin: item.gtin, quantity_milli: item.grams ? 1000 : item.quantity * 1000, weight_g: item.grams || null })) : null;
  console.log(JSON.stringify({
    bytes: Buffer.from(bytes).toString('base64'), layout, language, number,
    total: { item_count: total.pieces, amount_minor: total.amount, tenders: total.tenders, change_minor: total.change, operator, lines: gtins },
  }));
}
