"""Texts with the token count that the o200k vocabulary gives them, counted once.

None of them was used to fit the estimate.
"""

from typing import NamedTuple


class Sample(NamedTuple):
    """`tokens` is the true o200k count of `text`."""

    language: str
    tokens: int
    text: str


SAMPLES = (
    Sample(
        "question",
        3,
        "Explain quicksort",
    ),
    Sample(
        "English",
        54,
        "Quicksort picks one element as the pivot and moves everything smaller to "
        "its left and everything larger to its right. Then it does the same with "
        "each side until nothing is left to sort. On average it is fast, but a bad "
        "choice of pivot makes it slow.",
    ),
    Sample(
        "business English",
        49,
        "Dear Ms Alvarez, thank you for your patience while we investigated the "
        "outage on Tuesday, 14 October. Our preliminary findings indicate that a "
        "misconfigured certificate prevented authentication for approximately 45 "
        "minutes. We apologise for the inconvenience and have implemented additional "
        "monitoring.",
    ),
    Sample(
        "Python",
        65,
        "def total(rows: list[Row], *, since: date | None = None) -> Decimal:\n"
        '    """Sum what was paid."""\n'
        "    amount = Decimal(0)\n"
        "    for row in rows:\n"
        "        if since is None or row.paid_on >= since:\n"
        "            amount += row.amount_usd\n"
        "    return amount\n",
    ),
    Sample(
        "JavaScript",
        87,
        "const byModel = new Map();\n"
        "for (const call of calls) {\n"
        "  const seen = byModel.get(call.model) ?? { count: 0, cost: 0 };\n"
        "  byModel.set(call.model, { count: seen.count + 1, cost: seen.cost + "
        "call.cost });\n"
        "}\n"
        "export default [...byModel].sort((a, b) => b[1].cost - a[1].cost);\n",
    ),
    Sample(
        "JSON",
        58,
        '{"id": 48213, "task_type": "code", "budget": 0.0125, "quality": "high", '
        '"tags": ["a", "b-2"], "usage": {"input_tokens": 311, "output_tokens": 1204}}',
    ),
    Sample(
        "numbers",
        92,
        "2026-11-23 10:16:42 10.0.13.7 200 51234 0.0413\n"
        "2026-11-23 10:16:43 10.0.13.9 404 118 0.0007\n"
        "2026-11-23 10:16:47 10.0.13.7 200 88120 0.1291\n",
    ),
    Sample(
        "German",
        50,
        "Die Bundesregierung hat am Mittwoch angekündigt, die Förderung für "
        "Wärmepumpen im kommenden Jahr fortzusetzen. Eigentümer können bis zu "
        "siebzig Prozent der Kosten erstattet bekommen, wenn sie ihre alte Heizung "
        "rechtzeitig austauschen.",
    ),
    Sample(
        "French",
        48,
        "Le conseil municipal a décidé hier soir de fermer la rue principale aux "
        "voitures pendant l'été. Les commerçants craignent une baisse de leur "
        "chiffre d'affaires, mais les habitants du quartier se réjouissent déjà de "
        "pouvoir s'y promener.",
    ),
    Sample(
        "Spanish",
        43,
        "El tren salió de la estación con veinte minutos de retraso porque una "
        "tormenta había derribado varios árboles sobre la vía. Los pasajeros "
        "esperaron con paciencia mientras los trabajadores retiraban las ramas más "
        "pesadas.",
    ),
    Sample(
        "Polish",
        62,
        "Wczoraj wieczorem nad miastem przeszła gwałtowna burza, która połamała "
        "drzewa i pozbawiła prądu kilka tysięcy mieszkańców. Strażacy pracowali "
        "przez całą noc, żeby usunąć konary z ulic.",
    ),
    Sample(
        "Turkish",
        47,
        "Dün akşam başlayan yağmur sabaha kadar sürdü ve şehrin alçak kesimlerinde "
        "su baskınlarına yol açtı. Belediye ekipleri bütün gece çalışarak tıkanan "
        "kanalları temizledi.",
    ),
    Sample(
        "Vietnamese",
        42,
        "Hôm qua trời mưa rất to nên nhiều con đường trong thành phố bị ngập nước. "
        "Người dân phải dắt xe máy đi bộ về nhà, còn trẻ em thì được nghỉ học một "
        "ngày.",
    ),
    Sample(
        "Indonesian",
        35,
        "Pemerintah kota akan memperbaiki jembatan lama yang menghubungkan pasar "
        "dengan terminal bus. Selama pekerjaan berlangsung, pengendara diminta "
        "menggunakan jalan lain.",
    ),
    Sample(
        "Russian",
        42,
        "Вчера вечером над городом прошла сильная гроза, из-за которой несколько "
        "тысяч жителей остались без света. Спасатели работали всю ночь, чтобы убрать "
        "с дорог упавшие деревья.",
    ),
    Sample(
        "Ukrainian",
        53,
        "Учора ввечері над містом пройшла сильна гроза, через яку кілька тисяч "
        "мешканців залишилися без світла. Рятувальники працювали всю ніч, щоб "
        "прибрати з доріг повалені дерева.",
    ),
    Sample(
        "Greek",
        72,
        "Χθες το βράδυ μια δυνατή καταιγίδα χτύπησε την πόλη και άφησε χιλιάδες "
        "κατοίκους χωρίς ρεύμα. Οι πυροσβέστες δούλευαν όλη τη νύχτα για να "
        "απομακρύνουν τα πεσμένα δέντρα.",
    ),
    Sample(
        "Hebrew",
        49,
        "אתמול בערב פקדה את העיר סופה חזקה שהשאירה אלפי תושבים ללא חשמל. הכבאים עבדו "
        "כל הלילה כדי לפנות את העצים שנפלו על הכבישים.",
    ),
    Sample(
        "Arabic",
        37,
        "ضربت المدينة مساء أمس عاصفة قوية تركت آلاف السكان بلا كهرباء. وعمل رجال "
        "الإطفاء طوال الليل على إزالة الأشجار التي سقطت على الطرق.",
    ),
    Sample(
        "Persian",
        50,
        "دیشب طوفان شدیدی شهر را درنوردید و هزاران نفر را بدون برق گذاشت. آتش\u200cنشانان "
        "تمام شب کار کردند تا درختان افتاده را از خیابان\u200cها بردارند.",
    ),
    Sample(
        "Hindi",
        40,
        "कल शाम शहर में तेज़ आँधी आई जिससे हज़ारों घरों की बिजली चली गई। दमकलकर्मी "
        "पूरी रात सड़कों से गिरे हुए पेड़ हटाते रहे।",
    ),
    Sample(
        "Bengali",
        44,
        "গতকাল সন্ধ্যায় শহরে প্রবল ঝড় হয়েছে, যার ফলে হাজার হাজার বাড়িতে বিদ্যুৎ "
        "চলে গেছে। দমকলকর্মীরা সারা রাত রাস্তা থেকে গাছ সরিয়েছেন।",
    ),
    Sample(
        "Tamil",
        34,
        "நேற்று மாலை நகரில் பலத்த புயல் வீசியதால் ஆயிரக்கணக்கான வீடுகளில் மின்சாரம் துண்டிக்கப்பட்டது.",
    ),
    Sample(
        "Thai",
        48,
        "เมื่อวานตอนเย็นเกิดพายุรุนแรงในเมือง ทำให้บ้านเรือนหลายพันหลังไม่มีไฟฟ้าใช้ "
        "เจ้าหน้าที่ทำงานตลอดทั้งคืนเพื่อเก็บต้นไม้ที่ล้มขวางถนน",
    ),
    Sample(
        "Chinese",
        52,
        "昨天晚上，一场强烈的暴风雨袭击了这座城市，数千户居民停电。消防员整夜工"
        "作，清理倒在道路上的树木。专家建议大家今天尽量不要外出，注意安全。",
    ),
    Sample(
        "traditional Chinese",
        41,
        "昨天晚上，一場強烈的暴風雨襲擊了這座城市，數千戶居民停電。消防員整夜工"
        "作，清理倒在道路上的樹木。",
    ),
    Sample(
        "Japanese",
        62,
        "昨夜、激しい嵐が街を襲い、数千世帯が停電しました。消防隊員は一晩中、道"
        "路に倒れた木を片付ける作業を続けました。今日はできるだけ外出を控えてく"
        "ださい。",
    ),
    Sample(
        "Korean",
        47,
        "어제저녁 강한 폭풍이 도시를 덮쳐 수천 가구가 정전되었습니다. 소방대원들은 "
        "밤새 도로에 쓰러진 나무를 치우는 작업을 했습니다.",
    ),
    Sample(
        "emoji",
        14,
        "Great job team 🎉🎉 see you on Monday 👋🙂",
    ),
    Sample(
        "mixed",
        24,
        "请把下面的函数改成异步的：\n\nasync function load(url) { return fetch(url); }\n\n谢谢！",
    ),
)
