DROP FUNCTION small_letters(text);
